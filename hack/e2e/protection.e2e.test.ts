// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { ExecResult } from "../exec.ts";
import { openPart } from "../cluster/parts.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { application, nodeGroup } from "./group-manifests.ts";

jest.setTimeout(120_000);
const PROTECTED = { "longshore.io/protected": "true" };

describe("edit protection", () => {
  let env: Environment;
  let ns: string;
  let fleet: Fleet;
  let pod: string;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("protection");
    fleet = await startFleet(env.layout.kubeconfig, { names: ["cdn-1", "cdn-2", "cdn-3"] });
    const breakGlass = { users: ["mallory"] };
    await env.kubectl.apply(nodeGroup("cdn-a", { nodes: ["cdn-1", "cdn-2"], breakGlass }, PROTECTED));
    await env.kubectl.apply(nodeGroup("cdn-b", { nodes: ["cdn-3"] }));
    const labels = { app: "cache" };
    const cache = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "cache" },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [{ name: "main", image: "localhost/cache:v1" }],
          },
        },
      },
    };
    const scope = { targetNodeGroups: [{ name: "cdn-a" }, { name: "cdn-b" }] };
    await env.kubectl.apply(application({ namespace: ns, name: "cache", manifests: [cache], scope }));
    pod = await podOf("cdn-a");
  }, 600_000);
  afterAll(async () => {
    await env.kubectl.tryRun("-n", ns, "delete", "edgeapplication", "--all", "--timeout=30s");
    await env.kubectl.tryRun("label", "nodegroup", "cdn-a", "longshore.io/protected-");
    await env.kubectl.tryRun("delete", "nodegroup", "cdn-a", "cdn-b", "--timeout=30s");
    await fleet.close();
    await cleanEnvironment();
  }, 150_000);

  const podOf = (group: string): Promise<string> =>
    eventually(
      async () => {
        const names = await env.kubectl.run("-n", ns, "get", "pods", "-o", "name");
        const running = await env.kubectl.run(
          "-n",
          ns,
          "get",
          "pods",
          "--field-selector=status.phase=Running",
          "-o",
          "name",
        );
        const found = running.split("\n").find((name) => name.includes(`cache-${group}-`));
        if (found === undefined) throw new Error(`no running pod of ${group} in ${names}`);
        return found;
      },
      { timeoutMs: 30_000 },
    );
  const as = (user: string, ...args: string[]): Promise<ExecResult> =>
    env.kubectl.tryRun("-n", ns, "--as", user, "--as-group", "system:masters", ...args);
  const image = (name: string): string[] => [
    "set",
    "image",
    `deployment/cache-${name}`,
    "main=localhost/cache:v9",
  ];

  it.each([
    { what: "an edited Deployment", args: image("cdn-a") },
    { what: "a scaled Deployment", args: ["scale", "deployment/cache-cdn-a", "--replicas=0"] },
    { what: "a deleted Deployment", args: ["delete", "deployment", "cache-cdn-a", "--wait=false"] },
  ])("A37 refuses $what of a protected group, and says what to edit instead", async ({ args }) => {
    const { code, stderr } = await as("alice", ...args);
    expect(code).not.toBe(0);
    expect(stderr).toContain("longshore-protected-group");
    expect(stderr).toContain("cdn-a");
    expect(stderr).toContain("EdgeApplication");
  });

  it("A37 refuses a deleted pod of a protected group, with no webhook running", async () => {
    const webhooks = openPart(env.layout, "webhooks");
    await webhooks.kill9();
    try {
      const { code, stderr } = await as("alice", "delete", pod, "--wait=false");
      expect(code).not.toBe(0);
      expect(stderr).toContain("longshore-protected-group");
    } finally {
      await webhooks.start();
    }
  });

  it("A37 leaves a group alone that is not protected", async () => {
    const { code, stderr } = await as("alice", "delete", await podOf("cdn-b"), "--wait=false");
    expect({ code, stderr }).toMatchObject({ code: 0 });
  });

  it("A37 lets those through who break the glass, and puts their edit right", async () => {
    const { code } = await as("mallory", ...image("cdn-a"));
    expect(code).toBe(0);
    await eventually(
      async () => {
        const text = await env.kubectl.run("-n", ns, "get", "deployment", "cache-cdn-a", "-o", "yaml");
        expect(text).toContain("image: localhost/cache:v1");
      },
      { timeoutMs: 20_000 },
    );
  });

  it("A37 lets the controllers do what the application says", async () => {
    const patch =
      '[{"op":"replace","path":"/spec/workloadTemplate/manifests/0/spec/template/spec/containers/0/image","value":"localhost/cache:v2"}]';
    await env.kubectl.run("-n", ns, "patch", "edgeapplication", "cache", "--type=json", "-p", patch);
    await eventually(
      async () => {
        const images = await env.kubectl.run(
          "-n",
          ns,
          "get",
          "pods",
          "-o",
          "jsonpath={.items[*].spec.containers[0].image}",
        );
        expect(new Set(images.split(" "))).toEqual(new Set(["localhost/cache:v2"]));
      },
      { timeoutMs: 60_000 },
    );
  });

  it("A37 protects the pods of a protected application, in whichever group", async () => {
    await env.kubectl.run("-n", ns, "label", "edgeapplication", "cache", "longshore.io/protected=true");
    await eventually(
      async () => {
        const { stderr } = await as(
          "mallory",
          "delete",
          await podOf("cdn-b"),
          "--wait=false",
          "--dry-run=server",
        );
        expect(stderr).toContain("longshore-protected-application");
      },
      { timeoutMs: 20_000 },
    );
    await env.kubectl.run("-n", ns, "label", "edgeapplication", "cache", "longshore.io/protected-");
  });
});
