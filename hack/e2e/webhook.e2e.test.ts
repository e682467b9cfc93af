// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import type { ExecResult } from "../exec.ts";
import { openPart, type Part } from "../cluster/parts.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";

jest.setTimeout(120_000);
const CONFIGURATION = ["validatingwebhookconfiguration", "longshore-webhooks"];
const SECRET = ["-n", "kubeedge", "secret", "longshore-webhooks-tls"];

interface WebhookConfiguration {
  readonly webhooks: readonly {
    readonly clientConfig: { readonly url: string; readonly caBundle?: string };
  }[];
}

describe("webhook", () => {
  const dir = mkdtempSync(join(tmpdir(), "longshore-webhook-"));
  let env: Environment;
  let ns: string;
  let webhooks: Part;
  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("webhook");
    webhooks = openPart(env.layout, "webhooks");
    expect((await apply(thermometer("100"))).code).toBe(0);
  }, 600_000);
  afterAll(async () => {
    rmSync(dir, { recursive: true });
    await cleanEnvironment();
  }, 90_000);

  const manifest = (kind: string, name: string, spec: object) => ({
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind,
    metadata: { name, namespace: ns },
    spec,
  });
  const thermometer = (maximum: string) =>
    manifest("DeviceModel", "thermometer", {
      properties: [
        { name: "temperature", type: "INT", accessMode: "ReadOnly" },
        { name: "interval", type: "INT", accessMode: "ReadWrite", minimum: "1", maximum },
      ],
    });
  const device = (name: string, properties: object[], model = "thermometer") =>
    manifest("Device", name, { deviceModelRef: { name: model }, properties });
  const interval = (value: string) => ({ name: "interval", desired: { value } });
  const apply = (object: object, ...flags: string[]): Promise<ExecResult> => {
    const file = join(dir, "manifest.json");
    writeFileSync(file, JSON.stringify(object));
    return env.kubectl.tryRun("apply", ...flags, "-f", file);
  };
  const setPolicy = async (policy: "Fail" | "Ignore"): Promise<void> => {
    const patch = [0, 1].map((index) => ({
      op: "replace",
      path: `/webhooks/${index}/failurePolicy`,
      value: policy,
    }));
    await env.kubectl.run("patch", ...CONFIGURATION, "--type=json", "-p", JSON.stringify(patch));
  };
  const configuration = () => env.kubectl.json<WebhookConfiguration>("get", ...CONFIGURATION);
  /** Issuer of the certificate that is served, verified with the CAs of the configuration as it is now. */
  const issuer = async (): Promise<string> => {
    const [first] = (await configuration()).webhooks;
    const { url = "", caBundle = "" } = first?.clientConfig ?? {};
    const ca = Buffer.from(caBundle, "base64");
    return new Promise((resolve, reject) => {
      const { hostname: host, port } = new URL(url);
      const socket = connect({ host, port: Number(port), ca }, () => {
        resolve(String(socket.getPeerCertificate().issuer["CN"]));
        socket.destroy();
      });
      socket.once("error", reject);
    });
  };

  it.each([
    {
      what: "two properties of one name",
      properties: [{ name: "temperature" }, { name: "temperature" }],
      says: "spec.properties[1].name: property names must be unique.",
    },
    {
      what: "a property that the model has not",
      properties: [{ name: "humidity" }],
      says: "spec.properties[0].name",
    },
    {
      what: "a value over the maximum",
      properties: [interval("500")],
      says: 'spec.properties[0].desired.value: "500" is over the maximum',
    },
    {
      what: "a value for what can only be read",
      properties: [{ name: "temperature", desired: { value: "1" } }],
      says: "spec.properties[0].desired",
    },
  ])("A15 refuses a Device with $what, naming the field", async ({ properties, says }) => {
    const { code, stderr } = await apply(device("refused", properties));
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
    expect(await env.kubectl.find("device", "-n", ns, "refused")).toBeUndefined();
  });

  it("A15 admits a Device before its model, with a warning", async () => {
    const { code, stderr } = await apply(device("early", [interval("500")], "later"));
    expect(code).toBe(0);
    expect(stderr).toContain("Warning: spec.deviceModelRef: no such DeviceModel");
  });

  it("A12 stores a changed maximum, refuses another kind, and tolerates a missing model", async () => {
    const patch = (text: string): Promise<ExecResult> =>
      env.kubectl.tryRun("-n", ns, "patch", "devicemodel", "thermometer", "--type=merge", "-p", text);
    const spec = (): Promise<unknown> => env.kubectl.json("-n", ns, "get", "devicemodel", "thermometer");
    expect(await spec()).toMatchObject(thermometer("100"));
    expect((await patch(JSON.stringify({ spec: thermometer("200").spec }))).code).toBe(0);
    expect(await spec()).toMatchObject(thermometer("200"));
    expect((await patch('{"kind":"device-model","spec":{"protocol":"other"}}')).code).not.toBe(0);
    expect(await spec()).toMatchObject(thermometer("200"));
    await env.kubectl.run("-n", ns, "delete", "devicemodel", "absent", "--ignore-not-found");
  });

  const UNREACHABLE = "node.kubernetes.io/unreachable";
  const pod = (name: string, labels: Readonly<Record<string, string>>) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: ns, labels },
    spec: {
      ...{ schedulerName: "nobody", containers: [{ name: "app", image: "busybox" }] },
      tolerations: [{ key: UNREACHABLE, operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }],
    },
  });
  const autonomous = (name: string) => pod(name, { "app-offline.kubeedge.io": "autonomy" });
  interface Tolerant {
    readonly spec: { readonly tolerations: readonly { readonly key?: string }[] };
  }
  const forTaint = ({ spec }: Tolerant): readonly object[] =>
    spec.tolerations.filter(({ key }) => key === UNREACHABLE);

  it("A8 has a pod that asks for it stay for ever on a node out of reach, and no other", async () => {
    for (const object of [autonomous("stays"), pod("leaves", {})]) expect((await apply(object)).code).toBe(0);
    const stored = (name: string): Promise<Tolerant> => env.kubectl.json("-n", ns, "get", "pod", name);
    expect(forTaint(await stored("stays"))).toEqual([{ key: UNREACHABLE, operator: "Exists" }]);
    expect(forTaint(await stored("leaves"))).toEqual(pod("", {}).spec.tolerations);
  });

  it.each([
    { id: "A28", what: "1.23", spec: { version: "1.23", nodeNames: ["n"] }, says: "invalid version" },
    {
      id: "S9",
      what: "a command",
      spec: { version: "v1.23.0; reboot", nodeNames: ["n"] },
      says: "invalid version",
    },
    {
      id: "A28",
      what: "no nodes",
      spec: { version: "v1.23.0" },
      says: "exactly one of nodeNames and labelSelector",
    },
  ])("$id refuses an upgrade to $what", async ({ spec, says }) => {
    const metadata = { name: `refused-${ns}` };
    const job = { apiVersion: "operations.kubeedge.io/v1alpha2", kind: "NodeUpgradeJob", metadata, spec };
    const { code, stderr } = await apply(job);
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
  });

  it("B15 refuses a Rule whose path is an expression, and B16 lets a good one be changed", async () => {
    const rules = (kind: string, name: string, spec: object) => ({
      ...{ apiVersion: "rules.kubeedge.io/v1", kind, metadata: { name, namespace: ns }, spec },
    });
    for (const type of ["rest", "eventbus"])
      expect((await apply(rules("RuleEndpoint", type, { ruleEndpointType: type }))).code).toBe(0);
    const rule = (path: string, topic: string) =>
      rules("Rule", "to-bus", {
        ...{ source: "rest", sourceResource: { path }, target: "eventbus", targetResource: { topic } },
      });
    expect((await apply(rule(".*|/", "a"))).stderr).toContain("spec.sourceResource.path");
    expect((await apply(rule("/ccc", "a"))).code).toBe(0);
    expect((await apply(rule("/ccc", "b"))).code).toBe(0);
  });

  it("heals a wiped caBundle within seconds", async () => {
    const before = await configuration();
    const patch = '[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]';
    await env.kubectl.run("patch", ...CONFIGURATION, "--type=json", "-p", patch);
    await eventually(
      async () => {
        const now = await configuration();
        expect(now.webhooks[0]?.clientConfig).toEqual(before.webhooks[0]?.clientConfig);
      },
      { timeoutMs: 10_000 },
    );
  });

  it("A37 changes its CA under load, from annotation to new certificate, with no failed call", async () => {
    const before = await issuer();
    await setPolicy("Fail");
    await sleep(2_000); // the API server has no sign of having taken it
    const failures: string[] = [];
    let calls = 0;
    let isOver = false;
    const file = join(dir, "load.json");
    writeFileSync(file, JSON.stringify(device("load", [interval("5")])));
    const load = Array.from({ length: 2 }, async () => {
      for (; !isOver; calls++) {
        const { code, stderr } = await env.kubectl.tryRun("create", "--dry-run=server", "-f", file);
        if (code !== 0) failures.push(stderr);
        await issuer().catch((error: unknown) => failures.push(String(error)));
      }
    });
    const podFile = join(dir, "pod.json");
    writeFileSync(podFile, JSON.stringify(autonomous("load")));
    const createPods = async (): Promise<void> => {
      for (; !isOver; calls++) {
        const flags = ["--dry-run=server", "-o", "json", "-f", podFile];
        const { code, stdout, stderr } = await env.kubectl.tryRun("create", ...flags);
        if (code !== 0) failures.push(stderr);
        // with failurePolicy Ignore a call that failed leaves the pod as it was
        else if (JSON.stringify(forTaint(JSON.parse(stdout) as Tolerant)).includes("NoExecute"))
          failures.push("a pod was not changed");
      }
    };
    const pods = createPods();
    try {
      await env.kubectl.run("annotate", ...SECRET, "longshore.io/rotate=now");
      await eventually(async () => expect(await issuer()).not.toBe(before), { timeoutMs: 60_000 });
      await sleep(3_000); // calls under the new certificate
    } finally {
      isOver = true;
      await Promise.all([...load, pods]);
      await setPolicy("Ignore");
    }
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(10);
    process.stdout.write(`    ${calls} creates and handshakes, 0 failed\n`);
  });

  it("R30 lets devices through while it is gone, and judges them again with the same CA when it is back", async () => {
    const before = await issuer();
    await webhooks.kill9();
    // The API server has no sign of having taken the policy that was set before.
    await eventually(async () => expect((await apply(device("unjudged", [interval("999")]))).code).toBe(0), {
      timeoutMs: 20_000,
    });
    await webhooks.start();
    expect(await issuer()).toBe(before);
    let tries = 0;
    await eventually(
      async () => {
        const { stderr } = await apply(device(`judged-${tries++}`, [interval("999")]));
        expect(stderr).toContain("is over the maximum");
      },
      { timeoutMs: 20_000 },
    );
    // What was let through can still be labelled, and deleted.
    await env.kubectl.run("-n", ns, "label", "device", "unjudged", "still=works");
    await env.kubectl.run("-n", ns, "delete", "device", "unjudged", "--timeout=20s");
  });
});
