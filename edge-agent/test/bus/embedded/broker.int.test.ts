// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { hashPassword } from "../../../src/bus/index.ts";
import { until } from "../../tunnel/fakes.ts";
import { startBus, type BusBench, type BusOptions } from "../support/bench.ts";
import { freePort } from "../../../../hack/free-port.ts";
import {
  connectPacket,
  publishPacket,
  pubrelPacket,
  RawClient,
  subscribePacket,
  TYPE,
  type ConnectOptions,
} from "../support/raw-client.ts";

const D1 = "$hw/events/device/default/d1";
const D2 = "$hw/events/device/default/d2";
const AS_D1 = { clientId: "c1", username: "d1", password: "secret-1" };
const AS_D2 = { clientId: "c2", username: "d2", password: "secret-2" };
const AS_APP = { clientId: "app", username: "app", password: "secret-3" };
const twin = (value: string): string => JSON.stringify({ event_id: "e", twin: { t: { actual: { value } } } });

let hashes: readonly string[];
let port = 0;
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  hashes = await Promise.all(["secret-1", "secret-2", "secret-3"].map((password) => hashPassword(password)));
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function usersFile(lines?: readonly string[]): string {
  const file = join(mkdtempSync(join(tmpdir(), "users-")), "users");
  const all = lines ?? [
    "# user:hash:grants",
    `d1:${hashes[0]}:default/d1`,
    `d2:${hashes[1]}:default/d2`,
    `app:${hashes[2]}:node pubsub:line/# sub:$hw/events/device/#`,
  ];
  writeFileSync(file, `${all.join("\n")}\n`, { mode: 0o600 });
  return file;
}

async function strict(options: Partial<BusOptions> = {}): Promise<BusBench> {
  port = await freePort();
  const config = { internal: `tcp://127.0.0.1:${port}`, credentialsFile: usersFile(), ...options.config };
  const fresh = await startBus({ ...options, config });
  stops.push(() => fresh.stop());
  return fresh;
}

function raw(): RawClient {
  const client = new RawClient(port);
  stops.push(() => client.end());
  return client;
}

async function enter(options: ConnectOptions = AS_D1): Promise<RawClient> {
  const client = raw();
  expect(await client.connect(options)).toBe(0);
  return client;
}

async function mqtt(options: IClientOptions = AS_D1): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });
  client.on("error", () => undefined);
  stops.push(() => client.endAsync(true));
  return client;
}

const valueOf = (fresh: BusBench, device: string): string | undefined =>
  fresh.book.twins(device)?.get("t")?.actual?.value;

describe("the agent's own broker", () => {
  it("takes a device's report and answers it alone", async () => {
    const fresh = await strict();
    const [one, two] = [await mqtt(AS_D1), await mqtt(AS_D2)];
    const heard: string[] = [];
    one.on("message", (topic) => void heard.push(topic));
    two.on("message", (topic) => void heard.push(`two ${topic}`));
    await one.subscribeAsync(`${D1}/#`, { qos: 1 });
    await two.subscribeAsync(`${D2}/#`, { qos: 1 });
    await one.publishAsync(`${D1}/twin/update`, twin("7"), { qos: 1 });
    await until(() => heard.includes(`${D1}/twin/update/document`), "the document");
    expect(heard).toContain(`${D1}/twin/update/result`);
    expect(heard.filter((topic) => topic.startsWith("two"))).toEqual([]);
    expect(valueOf(fresh, "default/d1")).toBe("7");
  });

  it.each([1, 2] as const)(
    "acknowledges an upload with QoS %i once it is on disk, and sends it",
    async (qos) => {
      const fresh = await strict();
      const client = await mqtt(AS_D1);
      await client.publishAsync("$hw/events/upload/default/d1/log", "text", { qos });
      await until(() => fresh.uploads().length > 0, "the upload");
      expect(fresh.uploads()).toEqual([["$hw/events/upload/default/d1/log", "text"]]);
    },
  );

  it("keeps QoS 1 uploads of an outage through the end of the agent, and sends each", async () => {
    const first = await strict();
    first.cloud.connect(false);
    const client = await mqtt(AS_D1);
    for (let i = 0; i < 30; i++)
      await client.publishAsync("$hw/events/upload/default/d1", String(i), { qos: 1 });
    await client.endAsync(true);
    await first.stop();
    const second = await first.restart();
    stops.push(() => second.stop());
    second.cloud.connect(true);
    await until(() => second.uploads().length >= 30, "all of them");
    expect(second.uploads().map(([, content]) => content)).toEqual(
      Array.from({ length: 30 }, (_, i) => String(i)),
    );
  });

  it.each([
    ["a +", `${D1}/+/update`],
    ["a #", "$hw/events/device/default/d1/#"],
    ["$SYS/", "$SYS/broker/x"],
  ])("B97 ends the connection of who publishes to a topic with %s", async (_what, topic) => {
    const fresh = await strict();
    const client = await enter();
    client.write(publishPacket(topic, twin("1"), { qos: 1 }));
    await client.closed();
    expect(client.packets).toEqual([]);
    expect([...fresh.rejects.values()]).toEqual([1]);
  });

  it.each([
    ["another device's twin", `${D2}/twin/update`],
    ["another device's state", `${D2}/state/update`],
    ["the agent's result", `${D1}/twin/update/result`],
    ["the agent's delta", `${D1}/twin/update/delta`],
    ["membership", "$hw/events/node/edge-1/membership/updated"],
    ["another device's upload", "$hw/events/upload/default/d2/x"],
    ["the gap marker", "$hw/events/upload/longshore/gap"],
    ["an application's topic", "line/1"],
  ])("B98 S35 a device's credential may not publish %s", async (_what, topic) => {
    const fresh = await strict();
    const other = await mqtt({ ...AS_APP, clientId: "watch" });
    const heard: string[] = [];
    other.on("message", (given) => void heard.push(given));
    await other.subscribeAsync(["$hw/events/device/#", "line/#"], { qos: 1 });
    const client = await enter();
    client.write(publishPacket(topic, twin("9"), { qos: 1 }));
    await client.closed();
    expect(client.packets.filter(({ type }) => type === TYPE.puback)).toEqual([]);
    expect(heard).toEqual([]);
    expect(valueOf(fresh, "default/d2")).toBeUndefined();
    expect(fresh.uploads()).toEqual([]);
    expect(fresh.rejects).toEqual(new Map([["acl", 1]]));
  });

  it.each([`${D2}/#`, "#", "$hw/#", "$hw/events/device/default/+/twin/update/result", "$SYS/#", "line/1"])(
    "S35 a device's credential may not subscribe to %s",
    async (filter) => {
      const fresh = await strict();
      const client = await enter();
      client.write(subscribePacket(filter));
      expect((await client.next(TYPE.suback)).body[2]).toBe(0x80);
      expect([...fresh.rejects.values()]).toEqual([1]);
    },
  );

  it("B99 ends the connection on the header of a packet that is too long, and keeps none of it", async () => {
    const fresh = await strict();
    const client = await enter();
    client.write(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]));
    await client.closed();
    expect(fresh.rejects).toEqual(new Map([["size", 1]]));
  });

  it("B99 takes a payload of 256 KiB and refuses one byte more", async () => {
    const fresh = await strict();
    const client = await enter();
    const topic = "$hw/events/upload/default/d1";
    client.write(publishPacket(topic, Buffer.alloc(262_144, "x"), { qos: 1 }));
    await client.next(TYPE.puback);
    client.write(publishPacket(topic, Buffer.alloc(262_145, "x"), { qos: 1, id: 2 }));
    await client.closed();
    expect(fresh.rejects).toEqual(new Map([["size", 1]]));
  });

  it.each([
    ["200 levels", Buffer.from(`$hw/events/upload/default/d1/${"a/".repeat(194)}a`)],
    ["NUL", Buffer.from("$hw/events/upload/default/d1/a\0b")],
    ["bad UTF-8", Buffer.from("$hw/events/upload/default/d1/\xff\xfe", "latin1")],
    ["nothing", Buffer.from("")],
  ])("B100 ends the connection on a topic with %s", async (_what, topic) => {
    const fresh = await strict();
    const client = await enter();
    client.write(publishPacket(topic, "x", { qos: 1 }));
    await client.closed();
    expect(client.packets).toEqual([]);
    expect(fresh.uploads()).toEqual([]);
    expect([...fresh.rejects.values()]).toEqual([1]);
  });

  it.each(["no JSON", '{"__proto__":{"x":1}}', '{"a":'.repeat(10_000)])(
    "B101 drops the payload %.20s, with the reason on …/rejected, and the connection stays",
    async (payload) => {
      const fresh = await strict();
      const client = await mqtt(AS_D1);
      const heard: string[] = [];
      client.on("message", (topic) => void heard.push(topic));
      await client.subscribeAsync(`${D1}/twin/update/rejected`, { qos: 1 });
      await client.publishAsync(`${D1}/twin/update`, payload, { qos: 1 });
      await until(() => heard.length > 0, "the reason");
      expect(client.connected).toBe(true);
      expect(valueOf(fresh, "default/d1")).toBeUndefined();
      expect(fresh.rejects).toEqual(new Map([["malformed", 1]]));
    },
  );

  it("B102 ends the older connection with the same client id, three times a minute, then turns the newer away", async () => {
    const fresh = await strict();
    let last = await enter();
    for (let i = 0; i < 3; i++) {
      const next = await enter();
      await last.closed();
      last = next;
    }
    expect(await raw().connect(AS_D1)).toBe(3);
    last.write(publishPacket(`${D1}/twin/update`, twin("5"), { qos: 1 }));
    await last.next(TYPE.puback);
    expect(fresh.rejects).toEqual(new Map([["takeover", 1]]));
  });

  it("B102 S35 a client id belongs to its user: nobody else takes it over", async () => {
    await strict();
    const client = await enter();
    expect(await raw().connect({ ...AS_D2, clientId: AS_D1.clientId })).toBe(2);
    expect(client.isClosed).toBe(false);
  });

  it("B103 does once what comes twice: QoS 1 sent again, and QoS 2 under an id that is open", async () => {
    const fresh = await strict();
    const client = await enter();
    const topic = "$hw/events/upload/default/d1";
    client.write(publishPacket(topic, "one", { qos: 1, id: 5 }));
    await client.next(TYPE.puback);
    client.write(publishPacket(topic, "one", { qos: 1, id: 5, dup: true }));
    await client.next(TYPE.puback);
    client.write(publishPacket(topic, "two", { qos: 2, id: 6 }));
    await client.next(TYPE.pubrec);
    client.write(publishPacket(topic, "two", { qos: 2, id: 6, dup: true }));
    await client.next(TYPE.pubrec);
    client.write(pubrelPacket(6));
    await client.next(TYPE.pubcomp);
    client.write(publishPacket(topic, "three", { qos: 1, id: 5 }));
    await client.next(TYPE.puback);
    await until(() => fresh.uploads().length >= 3, "the uploads");
    expect(fresh.uploads().map(([, content]) => content)).toEqual(["one", "two", "three"]);
  });

  it("B104 lets a device have 100 messages a second, then ends its connection; others are served as before", async () => {
    const fresh = await strict({ config: { messagesPerSecond: 100, messageBurst: 100 } });
    const other = await mqtt(AS_D2);
    const took = async (): Promise<number> => {
      const startMs = performance.now();
      await other.publishAsync(`${D2}/twin/get`, "{}", { qos: 1 });
      return performance.now() - startMs;
    };
    await took();
    const client = await enter();
    const startMs = performance.now();
    client.write(
      ...Array.from({ length: 10_000 }, (_, i) => publishPacket(`${D1}/twin/update`, twin(String(i)))),
    );
    const tookMs = await took();
    await client.closed();
    const allowed = 110 + (performance.now() - startMs) / 10;
    expect(fresh.book.reports).toBeLessThanOrEqual(allowed);
    expect(fresh.book.reports).toBeLessThan(5_000);
    expect(fresh.rejects).toEqual(new Map([["rate", 1]]));
    expect(tookMs).toBeLessThan(10_000);
    expect(other.connected).toBe(true);
  });

  it("B105 lets a user retain 1,000 topics and no more", async () => {
    const fresh = await strict({ config: { messagesPerSecond: 100_000, messageBurst: 100_000 } });
    const client = await enter(AS_APP);
    for (let i = 0; i < 1_000; i++) client.write(publishPacket(`line/${i}`, "x", { retain: true }));
    client.write(publishPacket("line/0", "y", { qos: 1, retain: true }));
    await client.next(TYPE.puback);
    client.write(publishPacket("line/1000", "x", { qos: 1, retain: true }));
    await client.closed();
    expect(fresh.rejects).toEqual(new Map([["retained", 1]]));
  });

  it.each([
    ["without a name", { clientId: "x" }, 4],
    ["with a wrong password", { ...AS_D1, password: "wrong" }, 4],
    ["as nobody known", { ...AS_D1, username: "nobody" }, 4],
    ["without a password", { clientId: "x", username: "d1" }, 4],
    ["with an empty client id", { ...AS_D1, clientId: "" }, 2],
    ["with a control character in its client id", { ...AS_D1, clientId: "a\nb" }, 2],
    [
      "with another device's state as its will",
      { ...AS_D1, will: { topic: `${D2}/state/update`, payload: "{}" } },
      5,
    ],
    ["with a request as its will", { ...AS_D1, will: { topic: `${D1}/twin/update`, payload: twin("1") } }, 5],
    [
      "with membership as its will",
      { ...AS_APP, will: { topic: "$hw/events/node/edge-1/membership/get", payload: "" } },
      5,
    ],
    ["with a wildcard as its will", { ...AS_APP, will: { topic: "line/#", payload: "" } }, 5],
    ["speaking MQTT 5", { ...AS_D1, version: 5 }, 1],
  ])("B106 turns away who comes %s", async (_what, options, code) => {
    const fresh = await strict();
    const client = raw();
    expect(await client.connect(options)).toBe(code);
    await client.closed();
    expect([...fresh.rejects.values()]).toEqual([1]);
    expect(fresh.lines.join()).not.toContain("wrong");
  });

  it("B106 after ten wrong passwords shuts the door, also for the right one", async () => {
    const fresh = await strict();
    for (let i = 0; i < 10; i++) expect(await raw().connect({ ...AS_D1, password: `wrong ${i}` })).toBe(4);
    expect(await raw().connect(AS_D1)).toBe(5);
    expect(await raw().connect(AS_D2)).toBe(0);
    expect(fresh.rejects.get("banned")).toBe(1);
  });

  it("B106 without a file of users lets this machine in, says so once, and guards what is the agent's", async () => {
    const fresh = await strict({ config: { credentialsFile: "" } });
    const client = await enter({ clientId: "kubeedge-app" });
    client.write(publishPacket(`${D1}/twin/update`, twin("3"), { qos: 1 }));
    await client.next(TYPE.puback);
    expect(valueOf(fresh, "default/d1")).toBe("3");
    client.write(publishPacket(`${D1}/twin/update/result`, "{}", { qos: 1, id: 2 }));
    await client.closed();
    expect(fresh.lines.filter((line) => line.includes("lets everybody"))).toHaveLength(1);
  });

  it("B106 without a file of users does not listen to the network", async () => {
    const fresh = await strict({
      config: { internal: "tcp://0.0.0.0:1", credentialsFile: "" },
    });
    expect(fresh.lines.join()).toContain("loopback");
    expect(await fresh.metric("longshore_edge_bus_connected", { broker: "internal" })).toBe(0);
  });

  it("serves a device's last will on its state", async () => {
    const fresh = await strict();
    const client = await enter({
      ...AS_D1,
      will: { topic: `${D1}/state/update`, payload: '{"state":"offline"}' },
    });
    client.end();
    await until(() => fresh.book.state("default/d1") === "offline", "the will");
  });

  it("bounds what it keeps for a session that is away", async () => {
    const fresh = await strict({ config: { sessionQueueSize: 5, messageBurst: 1_000 } });
    const away = await enter({ ...AS_APP, clientId: "away", clean: false });
    away.write(subscribePacket("line/#"));
    await away.next(TYPE.suback);
    away.end();
    const client = await mqtt(AS_APP);
    for (let i = 0; i < 20; i++) await client.publishAsync(`line/${i}`, "x", { qos: 1 });
    const back = await enter({ ...AS_APP, clientId: "away", clean: false });
    for (let i = 0; i < 5; i++) await back.next(TYPE.publish);
    expect(fresh.rejects.get("queue")).toBe(15);
    expect(back.packets.filter(({ type }) => type === TYPE.publish)).toEqual([]);
  });

  it("forgets the oldest session of a user that has too many", async () => {
    const fresh = await strict();
    for (let i = 0; i < 20; i++) {
      const client = await enter({ ...AS_APP, clientId: `app-${i}`, clean: false });
      client.end();
      await client.closed();
    }
    expect(fresh.rejects.get("evicted")).toBeGreaterThanOrEqual(4);
  });

  it("ends a connection that says nothing like MQTT, and goes on for others", async () => {
    await strict();
    const client = raw();
    client.write(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await client.closed();
    const second = raw();
    second.write(connectPacket(AS_D1), connectPacket(AS_D1));
    await second.closed();
    await enter({ ...AS_D1, clientId: "c9" });
  });

  it("stays there whatever bytes come, before and after a CONNECT", async () => {
    await strict({ config: { credentialsFile: "", messagesPerSecond: 10_000, messageBurst: 10_000 } });
    const good = fc.constantFrom(
      connectPacket({ clientId: "fuzz" }),
      publishPacket(`${D1}/twin/update`, twin("1"), { qos: 2 }),
      publishPacket("$hw/events/upload/x", "y", { qos: 1, retain: true }),
      subscribePacket("#"),
      pubrelPacket(1),
    );
    const mutated = fc
      .tuple(good, fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }))
      .map(([bytes, edits]) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
        return copy;
      });
    const chunk = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    );
    const sessions = fc.sample(fc.tuple(fc.boolean(), fc.array(chunk, { minLength: 1, maxLength: 6 })), {
      numRuns: 300,
      seed: 7,
    });
    for (const [i, [enters, chunks]] of sessions.entries()) {
      const client = new RawClient(port);
      client.write(...(enters ? [connectPacket({ clientId: `fuzz-${i}` })] : []), ...chunks);
      await new Promise((resolve) => setImmediate(resolve));
      if (i % 2 === 0) client.end();
      else stops.push(() => client.end());
    }
    const after = await enter({ clientId: "after" });
    after.write(publishPacket(`${D1}/twin/update`, twin("8"), { qos: 1 }));
    await after.next(TYPE.puback);
  });

  it("stops at once, whoever is connected and says nothing", async () => {
    const fresh = await strict();
    const silent = raw();
    await enter();
    const startMs = performance.now();
    await fresh.stop();
    expect(performance.now() - startMs).toBeLessThan(8_000);
    await silent.closed();
  });

  it("tells of a port that is taken, and listens once it is free", async () => {
    const first = await strict();
    const second = await startBus({ config: { internal: `tcp://127.0.0.1:${port}` } });
    stops.push(() => second.stop());
    expect(second.lines.join()).toContain("EADDRINUSE");
    await first.stop();
    await until(() => second.lines.some((line) => line.includes("broker listens")), "the second try");
    await enter({ clientId: "x" });
  });
});

describe("the file of users", () => {
  it("is read again when it changes: who is taken out is cut off, who comes in is let in", async () => {
    const file = usersFile([`d1:${hashes[0]}:default/d1`]);
    const fresh = await strict({ config: { credentialsFile: file } });
    const client = await enter();
    writeFileSync(file, `d2:${hashes[1]}:default/d2\n`);
    await client.closed();
    await enter(AS_D2);
    expect(fresh.rejects.get("revoked")).toBe(1);
  });

  it("that others can read lets nobody in", async () => {
    const file = usersFile();
    chmodSync(file, 0o644);
    const fresh = await strict({ config: { credentialsFile: file } });
    expect(await raw().connect(AS_D1)).toBe(4);
    expect(fresh.lines.join()).toContain("chmod 600");
  });
});
