// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { DeviceObject, DeviceStatusObject } from "../cluster/objects.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { device, deviceModel, type DeviceWish } from "./manifests.ts";
import { mapperLogOf } from "./mapper-log.ts";

jest.setTimeout(180_000);
const FIRST_REPORT_MS = 40_000;
const CONVERGE_MS = 30_000;
const GONE_MS = 15_000;
const WRITTEN = "a desired value was written";

/** Key case and strings that look like numbers are the user's. */
const CONFIG = { SerialPort: "/dev/ttyS0", BaudRate: "9600", DataBits: "8", Parity: "even", StopBits: "1" };

describe("a device on an edge node", () => {
  let env: Environment;
  let ns: string;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("device");
    await env.kubectl.apply(deviceModel(ns));
  }, 600_000);
  afterAll(cleanEnvironment, 90_000);

  const put = (wish: Omit<DeviceWish, "namespace" | "node">): Promise<unknown> =>
    env.kubectl.apply(device({ namespace: ns, node: env.node, ...wish }));
  const statusOf = (name: string) => env.kubectl.find<DeviceStatusObject>("devicestatus", "-n", ns, name);
  const twinsOf = async (name: string) => {
    const twins = (await statusOf(name))?.status?.twins ?? [];
    return Object.fromEntries(twins.map((twin) => [twin.propertyName, twin]));
  };
  const temperatureOf = async (name: string): Promise<number> =>
    Number((await twinsOf(name))["temperature"]?.reported?.value ?? Number.NaN);
  const desire = (name: string, value: string): Promise<unknown> =>
    env.kubectl.run(
      ...["-n", ns, "patch", "device", name, "--type=json", "-p"],
      JSON.stringify([{ op: "replace", path: "/spec/properties/1/desired/value", value }]),
    );
  const reported = (name: string): Promise<void> =>
    eventually(
      async () => {
        const twins = await twinsOf(name);
        expect(Object.keys(twins).sort()).toEqual(["target", "temperature"]);
        for (const twin of Object.values(twins)) {
          expect(Number(twin.reported?.value)).not.toBeNaN();
          expect(Number(twin.reported?.metadata?.["timestamp"])).toBeGreaterThan(1_600_000_000_000);
        }
        expect((await statusOf(name))?.status?.state).toBe("online");
      },
      { timeoutMs: FIRST_REPORT_MS },
    );

  it("A13 keeps what the user wrote, and has a DeviceStatus that it owns", async () => {
    await put({ name: "kept", configData: CONFIG });
    await env.kubectl.run("-n", ns, "label", "device", "kept", "room=hall");
    await eventually(
      async () => {
        const owner = (await statusOf("kept"))?.metadata.ownerReferences?.[0];
        const found = await env.kubectl.json<DeviceObject>("-n", ns, "get", "device", "kept");
        expect(owner).toMatchObject({
          kind: "Device",
          name: "kept",
          uid: found.metadata.uid,
          controller: true,
        });
        expect(found.spec.protocol?.configData).toEqual(CONFIG);
        expect(found.metadata.labels).toEqual({ room: "hall" });
      },
      { timeoutMs: FIRST_REPORT_MS },
    );
  });

  it("A14 in part: shows the first report of each property, and none with reportToCloud false", async () => {
    await put({ name: "silent", reportToCloud: false });
    await put({ name: "seen" });
    await reported("seen");
    await eventually(async () => expect((await statusOf("silent"))?.status?.state).toBe("online"), {
      timeoutMs: FIRST_REPORT_MS,
    });
    expect(await twinsOf("silent")).toEqual({});
  });

  it("hands a changed desired value to the mapper exactly once, and shows what came of it", async () => {
    await put({ name: "warms", desired: "20" });
    await reported("warms");
    const log = mapperLogOf(env.layout, `${ns}/warms`);
    await desire("warms", "80");
    await eventually(
      async () => {
        const { target, temperature } = await twinsOf("warms");
        expect(target).toMatchObject({ observedDesired: { value: "80" }, reported: { value: "80" } });
        expect(Number(temperature?.reported?.value)).toBeGreaterThan(40);
      },
      { timeoutMs: CONVERGE_MS },
    );
    // Changes that are none to the device, and a restart of what lies between, bring no second write.
    await env.kubectl.run("-n", ns, "annotate", "device", "warms", "seen=yes");
    await env.agent.kill9();
    await env.agent.start();
    await env.controllers.kill9();
    await env.controllers.start();
    const before = await temperatureOf("warms");
    await eventually(async () => expect(await temperatureOf("warms")).not.toBe(before), {
      timeoutMs: 30_000,
    });
    expect(log().filter((line) => line === WRITTEN)).toEqual([WRITTEN]);
  });

  it("goes on after its mapper was killed, with the newest desired value", async () => {
    await put({ name: "survives", desired: "20" });
    await reported("survives");
    await env.mapper.kill9();
    await desire("survives", "60");
    await env.mapper.start();
    const startedMs = Date.now();
    await eventually(
      async () => {
        const { target, temperature } = await twinsOf("survives");
        expect(target?.reported?.value).toBe("60");
        expect(Number(temperature?.reported?.metadata?.["timestamp"])).toBeGreaterThan(startedMs);
      },
      { timeoutMs: CONVERGE_MS },
    );
  });

  it("A16 in part: leaves the mapper of a node that it is moved away from, and comes back", async () => {
    await put({ name: "moves" });
    await reported("moves");
    const log = mapperLogOf(env.layout, `${ns}/moves`);
    const moveTo = (node: string) => env.kubectl.apply(device({ namespace: ns, name: "moves", node }));
    await moveTo("elsewhere");
    await eventually(() => expect(log()).toEqual(["device stopped"]), { timeoutMs: CONVERGE_MS });
    await moveTo(env.node);
    await eventually(() => expect(log()).toContain("device started"), { timeoutMs: CONVERGE_MS });
  });

  it("A13 is removed from its mapper when it is deleted, and so is its DeviceStatus", async () => {
    await put({ name: "leaves" });
    await reported("leaves");
    const log = mapperLogOf(env.layout, `${ns}/leaves`);
    await env.kubectl.run("-n", ns, "delete", "device", "leaves");
    const deletedMs = performance.now();
    await eventually(() => expect(log()).toContain("device stopped"), { timeoutMs: GONE_MS });
    await eventually(async () => expect(await statusOf("leaves")).toBeUndefined(), {
      timeoutMs: CONVERGE_MS,
    });
    process.stdout.write(
      `    removed everywhere ${((performance.now() - deletedMs) / 1000).toFixed(1)} s after the delete\n`,
    );
    // No late report brings it back.
    await eventually(async () => expect(await twinsOf("seen")).not.toEqual({}), { timeoutMs: CONVERGE_MS });
    expect(await statusOf("leaves")).toBeUndefined();
  });
});
