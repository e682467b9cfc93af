// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { BatchResult } from "@longshore/crds/wire";
import { watchDeviceOwners } from "../../../src/hub/uplink/index.ts";
import { DEVICE_STATUSES, DEVICES } from "../../../src/hub/uplink/kinds.ts";
import { createClient, loadKubeConfig, systemClock, type KubeClient } from "../../../src/runtime/index.ts";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { startApiServer, type ApiServer } from "../../apiserver.ts";
import { installCrds } from "../../crds.ts";
import { eventually } from "../../runtime/eventually.ts";
import { uplinkBench, type BenchOptions } from "./bench.ts";

interface Status extends KubeObject {
  readonly status?: Readonly<Record<string, unknown>> & {
    readonly twins?: readonly {
      readonly propertyName: string;
      readonly reported?: { readonly value: string };
    }[];
  };
}

const NAMESPACES = { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false };
const named = (name: string) => ({ namespace: "default", name });
const quiet = { debug: none, info: none, warn: none, error: none, child: () => quiet };
function none(): void {
  // nobody reads it
}

let api: ApiServer;
let client: KubeClient;
let stop: AbortController;
const watches: Promise<void>[] = [];
const uids = new Map<string, string>();

beforeAll(async () => {
  api = await startApiServer();
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  await client.create(NAMESPACES, { metadata: { name: "default" } }).catch(none);
}, 120_000);
afterEach(async () => {
  stop.abort();
  await Promise.all(watches.splice(0));
});
afterAll(async () => {
  await client.close();
  await api.stop();
});

async function device(name: string, nodeName: string): Promise<void> {
  const spec = { nodeName, deviceModelRef: { name: "m" }, protocol: { protocolName: "modbus" } };
  const made = await client.create<KubeObject>(DEVICES, { metadata: named(name), spec });
  uids.set(name, made.metadata.uid);
}
const statusOf = async (name: string): Promise<Status["status"]> =>
  (await client.get<Status>(DEVICE_STATUSES, named(name))).status;
const valueOf = async (name: string): Promise<string | undefined> =>
  (await statusOf(name))?.twins?.[0]?.reported?.value;

/** A hub of its own, as after a restart; it watches where devices are. */
async function hub(options: BenchOptions = {}) {
  stop = new AbortController();
  const owners = watchDeviceOwners({ client, clock: systemClock, log: quiet });
  watches.push(owners.run(stop.signal));
  const bench = uplinkBench({
    ...{ negotiated: true, api: client, clock: systemClock, deviceOwners: owners },
    ...options,
  });
  await eventually(() => expect(owners.find(named([...uids.keys()][0] ?? ""))).toBeDefined());
  let at = 0;
  const send = async (values: Readonly<Record<string, string>>, state?: object): Promise<string> => {
    at += 1;
    const devices = Object.entries(values).map(([name, value]) => ({
      ...{ device: `default/${name}`, uid: uids.get(name), twins: [["t", "int", [value, at], null]] },
      ...(state && { state }),
    }));
    const frame = bench.frame("update", "devices/batch", { sentMs: Date.now(), devices });
    await bench.handle(frame);
    return frame.header.msg_id;
  };
  const codes = async (id: string): Promise<string[]> => {
    const find = () => bench.sent.find(({ header }) => header.parent_msg_id === id);
    await eventually(() => expect(find()).toBeDefined());
    return (find()?.content as { results: BatchResult[] } | undefined)?.results.map(([code]) => code) ?? [];
  };
  return { bench, owners, send, codes };
}

describe("reports of devices on a real API server", () => {
  it("are in the DeviceStatus once they are confirmed, with where, why and whether it is online", async () => {
    await device("whole", "edge-1");
    const { send, codes } = await hub();
    const verdict = { state: "unhealthy", reason: "MapperHung", message: "no answer for 30 s", mapper: "m" };
    expect(await codes(await send({ whole: "1" }, verdict))).toEqual(["OK"]);
    const first = await statusOf("whole");
    expect(first).toMatchObject({
      ...verdict,
      ...{ nodeName: "edge-1", protocol: "modbus" },
      twins: [{ propertyName: "t", reported: { value: "1", metadata: { timestamp: "1", type: "int" } } }],
      conditions: [{ type: "Online", status: "False", reason: "MapperHung" }],
    });
    expect(await codes(await send({ whole: "2" }, { state: "online", reason: "Reported" }))).toEqual(["OK"]);
    const second = await statusOf("whole");
    expect(second).toMatchObject({ state: "online", conditions: [{ type: "Online", status: "True" }] });
    expect(second).not.toHaveProperty("mapper");
  });

  it("of many devices cost no call but the write itself, so many a second, and the newest values stay", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `many-${i}`);
    for (const name of names) await device(name, "edge-1");
    const { bench, owners, send, codes } = await hub({ devices: { writesPerSecond: 100, burst: 20 } });
    await eventually(() => expect(owners.find(named("many-39"))).toBeDefined());
    const all = (value: string) => Object.fromEntries(names.map((name) => [name, value]));
    const answers = [];
    for (const value of ["1", "2", "3"]) answers.push(await send(all(value)));
    for (const id of answers) expect(new Set(await codes(id))).toEqual(new Set(["OK"]));
    expect(new Set(await Promise.all(names.map(valueOf)))).toEqual(new Set(["3"]));
    const version = (await client.list(DEVICE_STATUSES, { namespace: "default" })).items
      .filter(({ metadata }) => metadata.name.startsWith("many-"))
      .map(({ metadata }) => (metadata as { generation?: number }).generation ?? 0);
    // each was written with the first value, or with a newer one at once, and never three times for nothing
    expect(Math.max(...version)).toBeLessThanOrEqual(3);
    expect(await bench.rejects()).toEqual({});
  });

  it("of a device that moved away are refused as soon as the watch tells, and those of its new node taken", async () => {
    await device("moves", "edge-1");
    const { bench, owners, send, codes } = await hub();
    await eventually(() => expect(owners.find(named("moves"))).toBeDefined());
    expect(await codes(await send({ moves: "old node" }))).toEqual(["OK"]);
    await client.patch(DEVICES, named("moves"), { type: "merge", body: { spec: { nodeName: "edge-2" } } });
    await eventually(() => expect(owners.find(named("moves"))?.nodeName).toBe("edge-2"));
    expect(await codes(await send({ moves: "too late" }))).toEqual(["FORBIDDEN"]);
    const twin = { actual: { value: "new node", metadata: { timestamp: 9 } } };
    await bench.askAsNeighbour("update", "device/default/moves/twin/edge_updated", {
      timestamp: 9,
      twin: { t: twin },
    });
    await eventually(async () => expect(await valueOf("moves")).toBe("new node"));
    expect(await statusOf("moves")).toMatchObject({ nodeName: "edge-2" });
  });

  it("of a device that was made anew are not mixed with those of the old one", async () => {
    await device("anew", "edge-1");
    const { send, codes } = await hub();
    expect(await codes(await send({ anew: "1" }))).toEqual(["OK"]);
    await client.delete(DEVICES, named("anew"));
    const old = uids.get("anew") ?? "";
    await device("anew", "edge-1");
    const newUid = uids.get("anew") ?? "";
    uids.set("anew", old);
    expect(await codes(await send({ anew: "2" }))).toEqual(["STALE_UID"]);
    uids.set("anew", newUid);
    // The old DeviceStatus goes with its owner; no garbage collector runs here.
    expect(await codes(await send({ anew: "3" }))).toEqual(["LATER"]);
    await client.delete(DEVICE_STATUSES, named("anew"));
    expect(await codes(await send({ anew: "3" }))).toEqual(["OK"]);
    expect(await valueOf("anew")).toBe("3");
  });

  it("that a hub took and did not confirm before it died are sent to the next one, and none is lost", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `dies-${i}`);
    for (const name of names) await device(name, "edge-1");
    const first = await hub({ devices: { writesPerSecond: 20, burst: 5 } });
    const id = await first.send(Object.fromEntries(names.map((name) => [name, "1"])));
    await eventually(async () => expect(await valueOf("dies-0").catch(() => undefined)).toBe("1"));
    first.bench.ended.abort(); // the session ends with its hub
    expect(first.bench.sent.find(({ header }) => header.parent_msg_id === id)).toBeUndefined();
    stop.abort();
    const next = await hub();
    // the edge was told of nothing, so that it sends everything again
    const again = await next.codes(await next.send(Object.fromEntries(names.map((name) => [name, "1"]))));
    expect(new Set(again)).toEqual(new Set(["OK"]));
    expect(new Set(await Promise.all(names.map(valueOf)))).toEqual(new Set(["1"]));
  });
});
