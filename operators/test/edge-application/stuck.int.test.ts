// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { ApiError, type KubeObject, type Resource } from "../../src/runtime/index.ts";
import { freePort } from "../apiserver.ts";
import { eventually } from "../runtime/eventually.ts";
import {
  CONFIG_MAPS,
  configMap,
  DEPLOYMENTS,
  deployment,
  failing,
  groupTargets,
  startBench,
  type Bench,
  type Room,
} from "./bench.ts";

const namespaced = (group: string, kind: string, plural: string): Resource => ({
  ...{ group, version: "v1", plural, kind, namespaced: true },
});
const JOBS = namespaced("batch", "Job", "jobs");
const PODS = namespaced("", "Pod", "pods");
const clusterWide = (group: string, kind: string, plural: string): Resource => ({
  ...namespaced(group, kind, plural),
  namespaced: false,
});
const API_SERVICES = clusterWide("apiregistration.k8s.io", "APIService", "apiservices");
const WEBHOOKS = clusterWide(
  "admissionregistration.k8s.io",
  "ValidatingWebhookConfiguration",
  "validatingwebhookconfigurations",
);

let bench: Bench;
let room: Room;
beforeAll(async () => {
  bench = await startBench();
}, 120_000);
afterAll(() => bench.close());
beforeEach(async () => {
  room = await bench.room();
});
afterEach(() => room.close());

const messageOf = async (app: string, name: string): Promise<string> => {
  const { status } = await room.app(app);
  return status?.workloadStatus?.find(({ identifier }) => identifier.name === name)?.message ?? "";
};
const job = (name: string, image: string): Record<string, unknown> => ({
  ...{ apiVersion: "batch/v1", kind: "Job", metadata: { name } },
  spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image }] } } },
});
const pod = (name: string, args: string[]): Record<string, unknown> => ({
  ...{ apiVersion: "v1", kind: "Pod", metadata: { name } },
  spec: { containers: [{ name: "main", image: "nginx:1", args }] },
});

describe("what cannot be changed in place", () => {
  it.each([
    { resource: JOBS, before: job("x", "nginx:1"), after: job("x", "nginx:2") },
    { resource: PODS, before: pod("x", ["1"]), after: pod("x", ["2"]) },
    {
      resource: DEPLOYMENTS,
      before: deployment("x"),
      after: { ...deployment("y"), metadata: { name: "x" } },
    },
  ])("stays, says what to do, and comes new when it is deleted: $resource.kind", async (row) => {
    const { resource, before, after } = row;
    room.start({ retryBaseMs: 200, retryCapMs: 300_000 });
    await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [before] },
    });
    await eventually(async () => expect(await room.names(resource)).toEqual(["x-a"]));
    const { metadata } = await room.get(resource, "x-a");
    await room.patchApp("shop", { workloadTemplate: { manifests: [after, configMap("conf")] } });
    await eventually(async () => {
      expect(await messageOf("shop", "x-a")).toMatch(/x-a cannot be changed in place; delete it/);
      expect(await room.names(CONFIG_MAPS)).toEqual(["conf"]);
    });
    expect((await room.get(resource, "x-a")).metadata.uid).toBe(metadata.uid);
    await room.client.delete(resource, room.named("x-a"), {
      ...{ propagationPolicy: "Background", gracePeriodSeconds: 0 },
    });
    await eventually(async () => {
      const made = await room.find(resource, "x-a");
      expect(made?.metadata.uid).toEqual(expect.not.stringContaining(metadata.uid));
      expect(await messageOf("shop", "x-a")).toBe("");
    });
    await room.quiet();
  });
});

describe("two applications that give the same object", () => {
  it("do not fight: the second says whose it is, and has it when the first lets go", async () => {
    room.start();
    const spec = (a: string) => ({
      workloadScope: {},
      workloadTemplate: { manifests: [configMap("conf", { a })] },
    });
    const first = await room.createApp("first", spec("1"));
    await eventually(async () => expect(await room.names(CONFIG_MAPS)).toEqual(["conf"]));
    await room.createApp("second", spec("2"));
    await eventually(async () =>
      expect(await messageOf("second", "conf")).toContain(
        `another EdgeApplication first (${first.metadata.uid})`,
      ),
    );
    await room.quiet();
    expect((await room.get(CONFIG_MAPS, "conf")).data).toEqual({ a: "1" });
    await room.patchApp("first", { workloadTemplate: { manifests: [] } });
    await eventually(async () => expect((await room.get(CONFIG_MAPS, "conf")).data).toEqual({ a: "2" }));
    await room.quiet();
    expect(await messageOf("second", "conf")).toBe("");
  });
});

describe("what does not answer", () => {
  it("an aggregated API that is away stops no other manifest, and is named", async () => {
    const group = `g${room.namespace.slice(3)}.example.com`;
    await room.client.create(API_SERVICES, {
      metadata: { name: `v1.${group}` },
      spec: {
        ...{ group, version: "v1", groupPriorityMinimum: 100, versionPriority: 100 },
        ...{ insecureSkipTLSVerify: true, service: { namespace: room.namespace, name: "nobody" } },
      },
    });
    room.start();
    await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: {
        manifests: [
          { apiVersion: `${group}/v1`, kind: "Gadget", metadata: { name: "g" } },
          deployment("web"),
          configMap("conf"),
        ],
      },
    });
    await eventually(async () => {
      expect(await room.names(DEPLOYMENTS)).toEqual(["web-a"]);
      expect(await room.names(CONFIG_MAPS)).toEqual(["conf"]);
      expect(await messageOf("shop", "g")).toMatch(/unavailable|not served/i);
    });
  });

  it("a webhook that hangs stops no other manifest, and the API server's words name it", async () => {
    const hanging = await hang();
    await room.client.create(WEBHOOKS, {
      metadata: { name: `hangs-${room.namespace}` },
      webhooks: [
        {
          ...{ name: "hangs.example.com", admissionReviewVersions: ["v1"], sideEffects: "None" },
          ...{ failurePolicy: "Fail", timeoutSeconds: 12 },
          clientConfig: { url: `https://127.0.0.1:${hanging.port}/` },
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": room.namespace } },
          rules: [
            { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] },
          ],
        },
      ],
    });
    await eventually(async () => expect(await isHeld(room)).toBe(true), 30_000);
    room.start();
    await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [configMap("conf"), deployment("web")] },
    });
    await eventually(async () => {
      expect(await room.names(DEPLOYMENTS)).toEqual(["web-a"]);
      expect(await messageOf("shop", "conf")).toMatch(/hangs\.example\.com/);
    }, 40_000);
    await room.stop();
    await room.client.delete(WEBHOOKS, { name: `hangs-${room.namespace}` });
    hanging.server.close();
  }, 120_000);
});

describe("what cannot be deleted", () => {
  it("is told, and goes later without anybody's doing", async () => {
    const no = new ApiError({ code: 403, reason: "Forbidden", message: "not now" });
    room.start();
    await room.createApp("shop", {
      workloadScope: {},
      workloadTemplate: { manifests: [configMap("conf"), configMap("stays")] },
    });
    await eventually(async () => expect(await room.names(CONFIG_MAPS)).toEqual(["conf", "stays"]));
    await room.quiet();
    let refused = 0;
    const refusal = failing(no, ({ verb }) => verb === "delete", 3);
    room.meddle((call) => {
      if (call.verb === "delete") refused++;
      refusal(call);
    });
    await room.patchApp("shop", { workloadTemplate: { manifests: [configMap("stays")] } });
    await eventually(async () => expect(await room.names(CONFIG_MAPS)).toEqual(["stays"]));
    expect(refused).toBe(4);
    await eventually(async () =>
      expect(await room.condition("shop", "Ready")).toMatchObject({ status: "True" }),
    );
  });
});

/** Takes connections, and never says anything. */
async function hang(): Promise<{ readonly server: Server; readonly port: number }> {
  const port = await freePort();
  const server = createServer((socket) => socket.on("error", () => undefined)).unref();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { server, port };
}

/** Whether the webhook is asked by now. */
async function isHeld({ client, namespace }: Room): Promise<boolean> {
  const probe = { metadata: { generateName: "probe-", namespace } };
  return client
    .create<KubeObject>(CONFIG_MAPS, probe, { dryRun: true, timeoutMs: 1000 })
    .then(() => false)
    .catch((error: unknown) => error instanceof ApiError && error.reason === "Timeout");
}
