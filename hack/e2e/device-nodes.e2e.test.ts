// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { at, instance, model, type InstanceWish } from "./device-manifests.ts";
import { joinDeviceNode, type DeviceNode } from "./device-node.ts";
import { viewDevices, type DeviceView } from "./device-view.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { mapperLogOf } from "./mapper-log.ts";

jest.setTimeout(180_000);
const NODE = "device-node";
const VIRTUAL = "virtual-b";
const REPORT_MS = 30_000;
const MOVE_MS = 25_000;
/** A mapper's call ends after 10 s, and is told within a report. */
const HUNG_MS = 25_000;

const constant = (Value: unknown): object => at("virtual", { Behavior: "constant", Value });

describe("devices on several nodes, with several mappers", () => {
  let env: Environment;
  let ns: string;
  let node: DeviceNode;
  let seen: DeviceView;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("devices");
    seen = viewDevices(env, ns);
    node = await joinDeviceNode(env, NODE, ["virtual-mapper"]);
    await node.startMapper({ name: VIRTUAL, program: "virtual-mapper", args: ["--http="] });
    await env.kubectl.apply(
      model({
        ...{ namespace: ns, name: "box", protocol: "virtual" },
        properties: { level: { minimum: "0", maximum: "100" }, number: { accessMode: "ReadOnly" } },
      }),
    );
  }, 600_000);
  afterAll(async () => {
    await node.remove();
    await cleanEnvironment();
  }, 120_000);

  const put = (name: string, wish: Partial<InstanceWish> = {}): Promise<unknown> =>
    env.kubectl.apply(
      instance({
        ...{ namespace: ns, name, node: NODE, model: "box", protocol: "virtual" },
        properties: { level: { desired: { value: "20" } } },
        ...wish,
      }),
    );
  const becomes = (name: string, content: object, timeoutMs = REPORT_MS): Promise<void> =>
    eventually(async () => expect(await seen.status(name)).toMatchObject(content), { timeoutMs });

  it("A14 shows what a driver returns within 30 s, and nothing with reportToCloud false", async () => {
    const cycles = { collectCycle: 10_000, reportCycle: 10_000 };
    await put("twelve", { properties: { number: { ...cycles, ...constant(12) } } });
    await put("silent", { properties: { number: { ...cycles, reportToCloud: false, ...constant(12) } } });
    await eventually(async () => expect(await seen.values("twelve")).toEqual({ number: "12" }), {
      timeoutMs: REPORT_MS,
    });
    await becomes("silent", { state: "online" });
    expect(await seen.values("silent")).toEqual({});
  });

  it("tells where a device is, who serves it, and since when it is online", async () => {
    await put("told");
    await becomes("told", { state: "online", nodeName: NODE, protocol: "virtual" });
    const status = await seen.status("told");
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: "Online", status: "True" }));
    const columns = await env.kubectl.run("-n", ns, "get", "devicestatus", "told");
    expect(columns).toMatch(/NODE\s+PROTOCOL\s+STATE/);
    expect(columns).toMatch(/told\s+device-node\s+virtual\s+online/);
  });

  it("A16 moves a device: away from the first mapper, then to the second, its model with it", async () => {
    await env.kubectl.apply(
      model({ namespace: ns, name: "thermo", properties: { target: { type: "FLOAT" } } }),
    );
    const moving = { model: "thermo", properties: { target: { desired: { value: "30" } } } };
    await put("mover", { ...moving, node: env.node });
    await becomes("mover", { state: "online", nodeName: env.node });
    const first = mapperLogOf(env.layout, `${ns}/mover`);
    const second = mapperLogOf(env.layout, `${ns}/mover`, VIRTUAL);
    await put("mover", moving);
    await eventually(() => expect(second()).toContain("device started"), { timeoutMs: MOVE_MS });
    expect(first()).toContain("device stopped");
    await becomes("mover", { state: "online", nodeName: NODE });
    await eventually(async () => expect(await seen.values("mover")).toEqual({ target: "30" }), {
      timeoutMs: REPORT_MS,
    });
  });

  it("A17 hands a mapper the devices of its protocol alone, the instance's settings over the model's", async () => {
    await env.kubectl.apply(
      model({
        ...{ namespace: ns, name: "merged", protocol: "other", protocolConfigData: { State: "ok" } },
        properties: {
          kept: constant(5) as Record<string, unknown>,
          replaced: constant(6) as Record<string, unknown>,
        },
      }),
    );
    const merged = {
      model: "merged",
      properties: { kept: {}, replaced: constant(7) as Record<string, unknown> },
    };
    await put("ours", merged);
    await put("theirs", { ...merged, protocol: "other" });
    await eventually(async () => expect(await seen.values("ours")).toEqual({ kept: "5", replaced: "7" }), {
      timeoutMs: REPORT_MS,
    });
    await becomes("ours", { state: "ok" });
    await becomes("theirs", { state: "unknown", reason: "MapperMissing" });
    const late = mapperLogOf(env.layout, `${ns}/theirs`, VIRTUAL);
    expect(late()).toEqual([]);
  });

  it("a desired value that a changed model forbids is told, and harms no other device", async () => {
    await env.kubectl.apply(
      model({ namespace: ns, name: "shrinks", properties: { level: { minimum: "0", maximum: "100" } } }),
    );
    await put("high", { model: "shrinks", properties: { level: { desired: { value: "90" } } } });
    await put("low", { model: "shrinks", properties: { level: { desired: { value: "10" } } } });
    await becomes("high", { state: "online" });
    await becomes("low", { state: "online" });
    await env.kubectl.apply(
      model({ namespace: ns, name: "shrinks", properties: { level: { minimum: "0", maximum: "50" } } }),
    );
    await becomes("high", {
      state: "unhealthy",
      reason: "ValueInvalid",
      message: expect.stringMatching(/level/),
    });
    await becomes("low", { state: "online" });
    await put("high", { model: "shrinks", properties: { level: { desired: { value: "40" } } } });
    await becomes("high", { state: "online" });
    await eventually(async () => expect(await seen.values("high")).toEqual({ level: "40" }), {
      timeoutMs: REPORT_MS,
    });
  });

  it("a mapper that hangs, or is gone, is told for its devices, until it is back", async () => {
    await put("watched");
    await becomes("watched", { state: "online" });
    node.signalMapper(VIRTUAL, "SIGSTOP");
    try {
      await put("watched", { properties: { level: { desired: { value: "21" } } } });
      await becomes("watched", { state: "unhealthy", reason: "MapperHung" }, HUNG_MS);
    } finally {
      node.signalMapper(VIRTUAL, "SIGCONT");
    }
    await becomes("watched", { state: "online" });
    await node.stopMapper(VIRTUAL, "SIGKILL");
    await becomes("watched", { state: "offline", reason: "MapperUnreachable" });
    await node.startMapper({ name: VIRTUAL, program: "virtual-mapper", args: ["--http="] });
    await becomes("watched", { state: "online" });
    await eventually(async () => expect(await seen.values("watched")).toEqual({ level: "21" }), {
      timeoutMs: REPORT_MS,
    });
  });
});
