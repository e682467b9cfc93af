// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { hashPassword } from "../../../src/bus/index.ts";
import { until } from "../../tunnel/fakes.ts";
import { startBus, type BusBench, type BusOptions } from "../support/bench.ts";
import { freePort } from "../../../../hack/free-port.ts";
import { connectPacket, subscribePacket } from "../support/raw-client.ts";

const D1 = "$hw/events/device/default/d1";
const D2 = "$hw/events/device/default/d2";
const AS_D1 = { clientId: "c1", username: "d1", password: "secret-1" };
const AS_D2 = { clientId: "c2", username: "d2", password: "secret-2" };
const twin = (value: string): string => JSON.stringify({ event_id: "e", twin: { t: { actual: { value } } } });

let hashes: readonly string[];
let port = 0;
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  hashes = await Promise.all(["secret-1", "secret-2"].map((password) => hashPassword(password)));
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const usersOf = (d1: string): string => `d1:${hashes[0]}:${d1}\nd2:${hashes[1]}:default/d2\n`;

async function broker(options: Partial<BusOptions["config"]> = {}): Promise<BusBench & { file: string }> {
  port = await freePort();
  const file = join(mkdtempSync(join(tmpdir(), "users-")), "users");
  writeFileSync(file, usersOf("default/d1"), { mode: 0o600 });
  const config = { internal: `tcp://127.0.0.1:${port}`, credentialsFile: file, ...options };
  const fresh = await startBus({ config });
  stops.push(() => fresh.stop());
  return { ...fresh, file };
}

async function mqtt(options: IClientOptions): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });
  client.on("error", () => undefined);
  stops.push(() => client.endAsync(true));
  return client;
}

describe("a session that outlives its connection", () => {
  const away: IClientOptions = { ...AS_D1, clean: false };

  it("S35 keeps no filter that was refused, though it was asked for with one that was granted", async () => {
    const fresh = await broker();
    const first = await mqtt(away);
    await first.subscribeAsync({ [`${D1}/#`]: { qos: 1 }, [`${D2}/#`]: { qos: 1 } }).catch(() => []);
    await first.endAsync();
    const other = await mqtt(AS_D2);
    await other.publishAsync(`${D2}/twin/update`, twin("7"), { qos: 1 });
    const own = await mqtt({ ...AS_D1, clientId: "c3" });
    await own.publishAsync(`${D1}/twin/update`, twin("8"), { qos: 1 });
    await until(() => fresh.book.twins("default/d1")?.get("t")?.actual?.value === "8", "the report");
    const heard: string[] = [];
    const again = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      reconnectPeriod: 0,
      ...away,
      manualConnect: false,
    });
    stops.push(() => again.endAsync(true));
    again.on("message", (topic) => void heard.push(topic));
    await until(() => heard.some((topic) => topic.startsWith(D1)), "what was kept");
    expect(heard.filter((topic) => topic.startsWith(D2))).toEqual([]);
  });

  it("is not told any more of what its user may not hear since", async () => {
    const fresh = await broker();
    const first = await mqtt(away);
    await first.subscribeAsync(`${D1}/#`, { qos: 1 });
    await first.endAsync();
    writeFileSync(fresh.file, usersOf("default/d2"), { mode: 0o600 });
    await until(
      () => fresh.lines.filter((line) => line.includes("users of the own")).length >= 2,
      "the file",
    );
    fresh.bus.publish(`${D1}/updated`, "secret");
    fresh.bus.publish(`${D2}/updated`, "mine");
    const again = await mqtt(away);
    const heard: string[] = [];
    again.on("message", (topic) => void heard.push(topic));
    await again.subscribeAsync(`${D2}/#`, { qos: 1 });
    fresh.bus.publish(`${D2}/updated`, "mine");
    await until(() => heard.includes(`${D2}/updated`), "what it may hear");
    expect(heard.filter((topic) => topic.startsWith(D1))).toEqual([]);
  });

  it("has no more filters than are allowed, also when all come at once", async () => {
    await broker();
    const client = await mqtt(away);
    const filters = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`${D1}/${i}`, { qos: 1 as const }]),
    );
    const granted: number[] = [];
    client.on("packetreceive", (packet) => {
      if (packet.cmd === "suback") granted.push(...(packet.granted as number[]));
    });
    await client.subscribeAsync(filters).catch(() => []);
    expect(granted.filter((qos) => qos < 128)).toHaveLength(64);
  });
});

it("who may do less than before is cut off, though the password is the same", async () => {
  const fresh = await broker();
  const client = await mqtt(AS_D1);
  writeFileSync(fresh.file, usersOf("node"), { mode: 0o600 });
  await until(() => !client.connected, "the end of the connection");
  expect(fresh.rejects.get("revoked")).toBe(1);
});

it("without a file of users takes as many clients as connections, not as of one user", async () => {
  const fresh = await broker({ credentialsFile: "" });
  for (let i = 0; i < 30; i++) await mqtt({ clientId: `local-${i}` });
  expect(fresh.rejects.size).toBe(0);
});

/** Subscribes, and reads nothing. */
async function deaf(): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  stops.push(() => socket.destroy());
  socket.write(Buffer.concat([connectPacket({ clientId: "deaf" }), subscribePacket("line/#")]));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  return socket;
}

it("a client that does not read holds up nobody else", async () => {
  const fresh = await broker({ credentialsFile: "" });
  await deaf();
  const [from, to] = [await mqtt({ clientId: "from" }), await mqtt({ clientId: "to" })];
  await to.subscribeAsync("line/#", { qos: 1 });
  let heard = 0;
  to.on("message", () => heard++);
  const startMs = performance.now();
  const big = Buffer.alloc(200_000, 0x78);
  for (let i = 0; i < 190; i++) await from.publishAsync("line/1", big, { qos: 1 });
  await until(() => heard === 190, "all of them");
  expect(performance.now() - startMs).toBeLessThan(15_000);
  expect(fresh.rejects.get("slow")).toBe(1);
});

it("who asks seldom stays, though others ask about no device at all as often as they may", async () => {
  const fresh = await broker({ credentialsFile: "", messagesPerSecond: 1, messageBurst: 5 });
  for (const clientId of ["a", "b", "c"]) {
    const client = await mqtt({ clientId });
    for (let i = 0; i < 5; i++) await client.publishAsync(`${D1}9/twin/get`, "{}", { qos: 1 });
    expect(client.connected).toBe(true);
  }
  expect(fresh.rejects.get("rate")).toBeGreaterThan(8);
});
