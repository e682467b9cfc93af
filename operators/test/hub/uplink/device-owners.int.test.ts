// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { BatchResult } from "@longshore/crds/wire";
import { watchDeviceOwners } from "../../../src/hub/uplink/index.ts";
import { DEVICES } from "../../../src/hub/uplink/kinds.ts";
import {
  createClient,
  loadKubeConfig,
  silentLog,
  systemClock,
  type KubeClient,
} from "../../../src/runtime/index.ts";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { startApiServer, type ApiServer } from "../../apiserver.ts";
import { installCrds } from "../../crds.ts";
import { eventually } from "../../runtime/eventually.ts";
import { startTcpProxy, type TcpProxy } from "../../runtime/tcp-proxy.ts";
import { uplinkBench } from "./bench.ts";

const NAMESPACES = { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false };
const named = (name: string) => ({ namespace: "default", name });

let api: ApiServer;
let client: KubeClient;
let proxy: TcpProxy;
let watching: KubeClient;
const stop = new AbortController();
let ended: Promise<void>;

beforeAll(async () => {
  api = await startApiServer();
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  await client.create(NAMESPACES, { metadata: { name: "default" } }).catch(() => undefined);
  proxy = await startTcpProxy(api.port);
  const config = await api.writeKubeconfig("watch", { url: `https://127.0.0.1:${proxy.port}` });
  watching = createClient({ kubeConfig: loadKubeConfig(config), userAgent: "watch" });
}, 120_000);
afterAll(async () => {
  stop.abort();
  proxy.cut();
  await ended;
  await Promise.all([client.close(), watching.close()]);
  await proxy.close();
  await api.stop();
});

const create = (name: string, nodeName: string): Promise<KubeObject> =>
  client.create(DEVICES, {
    metadata: named(name),
    spec: { nodeName, deviceModelRef: { name: "m" }, protocol: { protocolName: "modbus" } },
  });

describe("where devices are, by a watch that goes dead", () => {
  it("is asked for before the watch works, is not believed for long after, and is known again", async () => {
    const moves = await create("moves", "edge-1");
    const stays = await create("stays", "edge-1");
    proxy.swallow();
    const owners = watchDeviceOwners({ client: watching, clock: systemClock, log: silentLog });
    ended = owners.run(stop.signal);
    const bench = uplinkBench({
      ...{ negotiated: true, api: client, clock: systemClock, deviceOwners: owners },
      devices: { grantMs: 500, denialMs: 100 },
    });
    let at = 0;
    const report = async (): Promise<string[]> => {
      at += 1;
      const devices = [moves, stays].map(({ metadata: { name, uid } }) => ({
        ...{ device: `default/${name}`, uid, twins: [["t", "int", [String(at), at], null]] },
      }));
      const frame = bench.frame("update", "devices/batch", { sentMs: Date.now(), devices });
      await bench.handle(frame);
      const find = () => bench.sent.find(({ header }) => header.parent_msg_id === frame.header.msg_id);
      await eventually(() => expect(find()).toBeDefined());
      const { results = [] } = (find()?.content as { results: BatchResult[] } | undefined) ?? {};
      return results.map(([code]) => code);
    };
    expect(owners.find(named("moves"))).toBeUndefined();
    expect(await report()).toEqual(["OK", "OK"]);
    proxy.cut(); // its first list would wait for long
    proxy.pass();
    await eventually(() => expect(owners.find(named("moves"))?.nodeName).toBe("edge-1"), 40_000);

    proxy.swallow();
    await client.patch(DEVICES, named("moves"), { type: "merge", body: { spec: { nodeName: "edge-2" } } });
    const sinceMs = Date.now();
    expect(await report()).toEqual(["OK", "OK"]); // nobody can have told the hub
    await eventually(async () => expect(await report()).toEqual(["FORBIDDEN", "OK"]), 20_000);
    expect(Date.now() - sinceMs).toBeLessThan(14_000);

    await client.patch(DEVICES, named("stays"), { type: "merge", body: { spec: { nodeName: "edge-3" } } });
    proxy.cut();
    proxy.pass();
    await eventually(() => expect(owners.find(named("stays"))?.nodeName).toBe("edge-3"), 40_000);
    expect(owners.find(named("moves"))?.nodeName).toBe("edge-2");
    await eventually(async () => expect(await report()).toEqual(["FORBIDDEN", "FORBIDDEN"]));
  }, 120_000);
});
