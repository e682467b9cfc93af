// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { BatchResult } from "@longshore/crds/wire";
import { DEVICE_STATUSES, DEVICES } from "../../../src/hub/uplink/kinds.ts";
import { createClient, loadKubeConfig, systemClock, type KubeClient } from "../../../src/runtime/index.ts";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { startApiServer, type ApiServer } from "../../apiserver.ts";
import { installCrds } from "../../crds.ts";
import { eventually } from "../../runtime/eventually.ts";
import { uplinkBench } from "./bench.ts";

interface Status extends KubeObject {
  readonly status?: {
    readonly twins?: readonly {
      readonly propertyName: string;
      readonly reported?: { readonly value: string };
    }[];
  };
}

const NAMESPACES = { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false };
const named = (name: string) => ({ namespace: "default", name });
let api: ApiServer;
let client: KubeClient;

beforeAll(async () => {
  api = await startApiServer();
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  await client.create(NAMESPACES, { metadata: { name: "default" } }).catch(() => undefined);
}, 120_000);
afterAll(async () => {
  await client.close();
  await api.stop();
});

async function reporter(name: string) {
  const made = await client.create<KubeObject>(DEVICES, {
    metadata: named(name),
    spec: { nodeName: "edge-1", deviceModelRef: { name: "m" }, protocol: { protocolName: "modbus" } },
  });
  const bench = uplinkBench({ negotiated: true, api: client, clock: systemClock });
  let at = 0;
  const report = async (values: Readonly<Record<string, string>>): Promise<BatchResult | undefined> => {
    at += 1;
    const twins = Object.entries(values).map(([property, value]) => [property, "string", [value, at], null]);
    const device = { device: `default/${name}`, uid: made.metadata.uid, twins };
    const frame = bench.frame("update", "devices/batch", { sentMs: Date.now(), devices: [device] });
    await bench.handle(frame);
    const find = () => bench.sent.find(({ header }) => header.parent_msg_id === frame.header.msg_id);
    await eventually(() => expect(find()).toBeDefined(), 30_000);
    return (find()?.content as { results: BatchResult[] } | undefined)?.results[0];
  };
  const held = async (): Promise<ReadonlyMap<string, string | undefined>> => {
    const { status } = await client.get<Status>(DEVICE_STATUSES, named(name));
    return new Map(status?.twins?.map(({ propertyName, reported }) => [propertyName, reported?.value]));
  };
  return { report, held, bench };
}
const properties = (count: number, value: string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, value]));

describe("a device with a thousand properties", () => {
  it("has them all in its DeviceStatus", async () => {
    const { report, held } = await reporter("wide");
    expect(await report(properties(1_000, "x".repeat(500)))).toEqual(["OK"]);
    expect(await report(properties(1_000, "y".repeat(500)))).toEqual(["OK"]);
    expect(new Set((await held()).values())).toEqual(new Set(["y".repeat(500)]));
    // as long as etcd takes a thousand of
    expect(await report(properties(1_000, "<".repeat(150)))).toEqual(["OK"]);
    expect(new Set((await held()).values())).toEqual(new Set(["<".repeat(150)]));
    expect(await report(properties(1_000, "z".repeat(1_024)))).toEqual(["OK"]);
    expect(new Set((await held()).values())).toEqual(new Set(["z".repeat(1_024)]));
  }, 60_000);

  it("of which more is told than one object may hold keeps what fits, and goes on", async () => {
    const { report, held, bench } = await reporter("heavy");
    const values = Object.entries(properties(1_000, "z".repeat(4_000)));
    for (let i = 0; i < 1_000; i += 250)
      expect(await report(Object.fromEntries(values.slice(i, i + 250)))).toEqual(["OK"]);
    expect((await held()).size).toBeGreaterThan(250);
    expect(await bench.left("too_large")).toBe(1_000 - (await held()).size);
    expect(await report({ p0: "short" })).toEqual(["OK"]);
    expect((await held()).get("p0")).toBe("short");
  }, 120_000);
});
