// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { createAuthority, type Authority } from "../join/authority.ts";
import { startBench, type Bench } from "./bench.ts";
import { until } from "./fakes.ts";
import { down } from "./hub.ts";

let authority: Authority;
let bench: Bench | undefined;
beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(async () => {
  await bench?.end();
  bench = undefined;
});

const REPLY = {
  ...{ sessionEpoch: 4, clusterEpoch: 2, inventory: "match" },
  ...{ pingIntervalMs: 10_000, keepaliveIntervalMs: 10_000, leaseDurationSeconds: 40 },
};
const route = { group: "longshore", operation: "response", resource: "session" };

describe("batches of device reports in a session", () => {
  it.each([
    { hub: "a hub that agrees", deviceBatch: 1, takes: true },
    { hub: "a hub of a later version", deviceBatch: 2, takes: true },
    { hub: "a hub that says nothing of them", deviceBatch: undefined, takes: false },
    { hub: "a hub that says nonsense of them", deviceBatch: "1", takes: false },
  ])(
    "are offered, and taken by $hub: $takes, as long as the session lasts",
    async ({ deviceBatch, takes }) => {
      bench = await startBench(authority, { negotiates: true });
      const { tunnel } = bench;
      tunnel.start();
      const connection = await bench.hub.connection(1);
      const { content, header } = await connection.next(
        "hello",
        ({ route: { operation } }) => operation === "hello",
      );
      expect(content).toMatchObject({ deviceBatch: 1 });
      const seen: unknown[] = [];
      tunnel.onState((connected) => void seen.push([connected, tunnel.takesDeviceBatches?.()]));
      connection.send(down(route, { ...REPLY, deviceBatch }, { parent_msg_id: header.msg_id }));
      await until(() => tunnel.isConnected(), "a session");
      expect(seen).toEqual([[true, takes]]);
      connection.socket.terminate();
      await until(() => !tunnel.isConnected(), "its end");
      expect(tunnel.takesDeviceBatches?.()).toBe(false);
    },
  );

  it("are nothing that a KubeEdge cloud takes", async () => {
    bench = await startBench(authority, { negotiates: false });
    const { tunnel } = bench;
    tunnel.start();
    await until(() => tunnel.isConnected(), "a session");
    expect(tunnel.takesDeviceBatches?.()).toBe(false);
  });
});
