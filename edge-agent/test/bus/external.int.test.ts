// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import type { Outbox } from "../../src/store/index.ts";
import { startRoom } from "../devices/support/room.ts";
import { device, model } from "../devices/support/objects.ts";
import { until } from "../tunnel/fakes.ts";
import { startBus, type BusBench, type BusOptions } from "./support/bench.ts";
import { freePort } from "../../../hack/free-port.ts";
import { Mosquitto, Subscriber } from "./support/mosquitto.ts";

const D1 = "$hw/events/device/default/d1";
const CONNECTED = "connected to the MQTT broker";
let broker: Mosquitto;
const stops: (() => unknown)[] = [];

beforeEach(async () => {
  broker = await Mosquitto.create();
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await broker.kill();
});

async function bench(options: Partial<BusOptions> = {}): Promise<BusBench> {
  const fresh = await startBus({ ...options, config: { external: broker.url, ...options.config } });
  stops.push(() => fresh.stop());
  return fresh;
}

const connected = (fresh: BusBench, times = 1): Promise<void> =>
  until(() => fresh.lines.filter((line) => line.includes(CONNECTED)).length >= times, "the connection");

async function subscriber(...topics: string[]): Promise<Subscriber> {
  const fresh = new Subscriber(broker.port, ...topics);
  stops.push(() => fresh.stop());
  await fresh.ready;
  return fresh;
}

describe("the event bus at a real mosquitto", () => {
  it("brings a reported value from MQTT through the reporter to the cloud, and tells of it", async () => {
    await broker.start();
    const room = await startRoom();
    stops.push(() => room.stop());
    room.store.put(model());
    room.store.put(device());
    const fresh = await bench({ book: room.room.book });
    await connected(fresh);
    const sub = await subscriber(`${D1}/#`);
    await broker.publish(
      `${D1}/twin/update`,
      JSON.stringify({ event_id: "e1", twin: { temperature: { actual: { value: "21" } } } }),
      "-q",
      "1",
    );
    await until(() => sub.of(`${D1}/twin/update/result`).length > 0, "the result");
    await until(() => sub.of(`${D1}/twin/update/delta`).length > 0, "the delta");
    expect(sub.of(`${D1}/twin/update/result`)[0]).toMatchObject({
      event_id: "e1",
      twin: { temperature: { actual: { value: "21" }, expected: { value: "20" } } },
    });
    expect(sub.of(`${D1}/twin/update/delta`)[0]).toMatchObject({ delta: { temperature: "20" } });
    expect(sub.of(`${D1}/twin/update/document`)[0]).toMatchObject({
      twin: { temperature: { last: { expected: { value: "20" } }, current: { actual: { value: "21" } } } },
    });
    const sent = (): unknown =>
      room.cloud.requests.find(({ resource }) => resource === "device/default/d1/twin/edge_updated")?.content;
    await until(() => sent() !== undefined, "the report at the cloud");
    expect(sent()).toMatchObject({ twin: { temperature: { actual: { value: "21" } } } });
  });

  it("tells a client of the desired value that the cloud sets, and of devices that come and go", async () => {
    await broker.start();
    const room = await startRoom();
    stops.push(() => room.stop());
    room.store.put(model());
    room.store.put(device());
    const fresh = await bench({ book: room.room.book });
    await connected(fresh);
    const sub = await subscriber("$hw/events/#");
    room.store.put(device("25"));
    await until(() => sub.of(`${D1}/twin/update/delta`).length > 0, "the delta");
    expect(sub.of(`${D1}/twin/update/delta`)[0]).toMatchObject({ delta: { temperature: "25" } });
    room.store.put(device("1", { name: "d2" }));
    room.store.remove("device/default/d2");
    const membership = "$hw/events/node/edge-1/membership/updated";
    await until(() => sub.of(membership).length >= 2, "membership");
    expect(sub.of(membership)).toMatchObject([
      { added_devices: [{ id: "default/d2", name: "d2" }], removed_devices: [] },
      { added_devices: [], removed_devices: [{ id: "default/d2", name: "d2" }] },
    ]);
  });

  it.each(["$hw/events/upload/line/1", "SYS/dis/upload_records", "default/user/alarm", "line/7/hot"])(
    "sends what is published on %s to the cloud as KubeEdge's edge does",
    async (topic) => {
      await broker.start();
      const fresh = await bench();
      await fresh.bus.subscribe("line/+/hot");
      await connected(fresh);
      await broker.publish(topic, "42 °C", "-q", "1");
      await until(() => fresh.cloud.requests.length > 0, "the upload");
      expect(fresh.cloud.requests).toEqual([
        { source: "bus", group: "user", operation: "upload", resource: topic, content: "42 °C" },
      ]);
    },
  );

  it("serves both brokers, and answers each client at its own", async () => {
    await broker.start();
    const port = await freePort();
    const fresh = await bench({ config: { internal: `tcp://127.0.0.1:${port}` } });
    await connected(fresh);
    const outside = await subscriber(`${D1}/#`);
    const inside = await connectAsync(`mqtt://127.0.0.1:${port}`);
    stops.push(() => inside.endAsync(true));
    const heard: string[] = [];
    inside.on("message", (topic) => void heard.push(topic));
    await inside.subscribeAsync(`${D1}/#`);
    await broker.publish(
      `${D1}/twin/update`,
      JSON.stringify({ twin: { t: { actual: { value: "1" } } } }),
      "-q",
      "1",
    );
    await until(() => heard.includes(`${D1}/twin/update/document`), "the document at the other broker");
    await until(() => outside.of(`${D1}/twin/update/result`).length > 0, "the result at its own");
    expect(heard).toEqual([`${D1}/twin/update/document`]);
  });

  it("speaks MQTT 3.1.1 with a broker that knows no other", async () => {
    const port = await freePort();
    const old = await startBus({ config: { internal: `tcp://127.0.0.1:${port}` } });
    stops.push(() => old.stop());
    const fresh = await bench({ config: { external: `tcp://127.0.0.1:${port}` } });
    await connected(fresh);
    expect(old.rejects).toEqual(new Map([["version", 1]]));
  });

  it("proves who it is, and asks the broker to, where the link is encrypted", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tls-"));
    const file = (name: string): string => join(dir, name);
    const openssl = (...words: string[]): Buffer =>
      execFileSync("openssl", words, { cwd: dir, stdio: "pipe" });
    const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl("req", "-x509", ...ec, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca");
    openssl("req", "-x509", ...ec, "-keyout", "other.key", "-out", "other.crt", "-subj", "/CN=other");
    writeFileSync(file("san"), "subjectAltName=IP:127.0.0.1");
    for (const name of ["broker", "agent"]) {
      openssl("req", ...ec, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san"];
      openssl("x509", "-req", "-in", `${name}.csr`, ...sign, "-out", `${name}.crt`);
    }
    broker = await Mosquitto.create([
      "allow_anonymous true",
      `cafile ${file("ca.crt")}`,
      `certfile ${file("broker.crt")}`,
      `keyfile ${file("broker.key")}`,
      "require_certificate true",
    ]);
    await broker.start();
    const external = broker.url.replace("tcp:", "mqtts:");
    const tls = { caFile: file("ca.crt"), certFile: file("agent.crt"), keyFile: file("agent.key") };
    await connected(await bench({ config: { external, tls } }));
    await connected(await bench({ config: { tls, clientId: "tcp-and-eventBusTLS" } }));
    const stranger = await bench({
      config: { external, tls: { ...tls, caFile: file("other.crt") }, clientId: "x" },
    });
    await until(
      () => stranger.lines.some((line) => /certificate/i.test(line)),
      "the broker's certificate refused",
    );
  });

  it("stops in time, also when the broker does not answer any more", async () => {
    await broker.start();
    const fresh = await bench();
    await connected(fresh);
    broker.freeze();
    fresh.bus.publish("a/b", "c");
    const startMs = performance.now();
    await fresh.stop();
    expect(performance.now() - startMs).toBeLessThan(15_000);
  });

  it("waits for a broker that is not there, tells it once, and finds it", async () => {
    const fresh = await bench();
    await until(() => fresh.lines.some((line) => line.includes("no MQTT broker")), "the word about it");
    await broker.start();
    await connected(fresh);
    expect(fresh.lines.filter((line) => line.includes("no MQTT broker"))).toHaveLength(1);
    expect(await fresh.metric("longshore_edge_bus_connected", { broker: "external" })).toBe(1);
  });

  it("R36 finds a broker again that was killed, and hears all that was published with QoS 1 meanwhile", async () => {
    await broker.start();
    const first = await bench();
    await connected(first);
    await first.stop();
    for (let i = 0; i < 20; i++) await broker.publish("$hw/events/upload/x", `away ${i}`, "-q", "1");
    const second = await first.restart();
    stops.push(() => second.stop());
    await until(() => second.uploads().length >= 20, "what was published while the agent was away");
    await broker.kill();
    await until(() => second.lines.some((line) => line.includes("no MQTT broker")), "the loss");
    await broker.start();
    await connected(second, 2);
    await broker.publish("$hw/events/upload/x", "back", "-q", "1");
    await until(() => second.uploads().some(([, content]) => content === "back"), "the message after");
    const contents = second.uploads().map(([, content]) => content);
    for (let i = 0; i < 20; i++) expect(contents).toContain(`away ${i}`);
  });

  it("acknowledges an upload only once it is durable: what could not be stored comes again", async () => {
    await broker.start();
    let tries = 0;
    const stored: string[] = [];
    const outbox: Outbox = {
      count: 0,
      bytes: 0,
      put: (_topic, payload) => {
        if (++tries === 1) return Promise.reject(new Error("disk full"));
        stored.push(payload);
        return Promise.resolve();
      },
      next: () => [],
      delete: () => Promise.resolve(),
      gap: () => undefined,
      forgetGap: () => Promise.resolve(),
      dropOld: () => Promise.resolve(),
      close: () => undefined,
    };
    const fresh = await bench({ openOutbox: () => outbox });
    await connected(fresh);
    await broker.publish("$hw/events/upload/x", "precious", "-q", "1");
    await until(() => stored.length > 0, "the second try");
    expect(stored).toEqual(["precious"]);
  });

  it("sends nothing to the cloud that it published itself", async () => {
    await broker.start();
    const fresh = await bench();
    await connected(fresh);
    fresh.bus.publish("line/user/order", "from the cloud");
    await broker.publish("line/user/answer", "from here", "-q", "1");
    await until(() => fresh.uploads().length > 0, "the upload");
    expect(fresh.uploads()).toEqual([["line/user/answer", "from here"]]);
  });

  it("B99 is not sent a payload of 256 KiB and 10 KiB, and goes on", async () => {
    await broker.start();
    const fresh = await bench();
    await connected(fresh);
    const client = await connectAsync(broker.url);
    stops.push(() => client.endAsync(true));
    await client.publishAsync("$hw/events/upload/big", Buffer.alloc(272 * 1024, "x"), { qos: 1 });
    await client.publishAsync("$hw/events/upload/edge", Buffer.alloc(256 * 1024 + 1, "x"), { qos: 1 });
    await client.publishAsync("$hw/events/upload/small", "ok", { qos: 1 });
    await until(() => fresh.uploads().length > 0, "the small one");
    expect(fresh.uploads()).toEqual([["$hw/events/upload/small", "ok"]]);
    expect(fresh.rejects.get("size")).toBe(1);
    expect(fresh.lines.filter((line) => line.includes(CONNECTED))).toHaveLength(1);
  });

  it("says why the broker does not let it in, without the password, and comes in with the right one", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "passwd-")), "passwd");
    execFileSync("mosquitto_passwd", ["-b", "-c", file, "agent", "right"]);
    broker = await Mosquitto.create(["allow_anonymous false", `password_file ${file}`]);
    await broker.start();
    const refused = await bench({ config: { username: "agent", password: "wrong" } });
    await until(() => refused.lines.some((line) => /authori/i.test(line)), "the refusal");
    expect(refused.lines.join()).not.toContain("wrong");
    await connected(await bench({ config: { username: "agent", password: "right" } }));
  });

  it("takes 100 messages a second of one device and counts the rest, while another is served", async () => {
    await broker.start();
    const fresh = await bench({ config: { messagesPerSecond: 100, messageBurst: 100 } });
    await connected(fresh);
    const client = await connectAsync(broker.url);
    stops.push(() => client.endAsync(true));
    for (let i = 0; i < 2_000; i++)
      client.publish(`${D1}/twin/update`, JSON.stringify({ twin: { t: { actual: { value: String(i) } } } }));
    const results: string[] = [];
    client.on("message", (topic) => void results.push(topic));
    await client.subscribeAsync("$hw/events/device/default/d2/twin/update/result");
    await client.publishAsync(
      "$hw/events/device/default/d2/twin/update",
      JSON.stringify({ twin: { t: { actual: { value: "1" } } } }),
      { qos: 1 },
    );
    await until(() => results.length > 0, "the other device's answer");
    expect(fresh.book.reports).toBeLessThan(400);
    expect(fresh.rejects.get("rate")).toBeGreaterThan(500);
    expect(fresh.lines.filter((line) => line.includes("not taken")).length).toBeLessThan(10);
  });
});
