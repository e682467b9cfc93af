// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  driverOf,
  systemClock,
  type ConfigData,
  type DeviceHandle,
  type Driver,
  type Value,
} from "@longshore/mapper";
import type { MqttClient } from "mqtt";
import { createBrokers } from "../../src/mqtt/brokers.ts";
import { DEFAULT_MQTT_OPTIONS, mqttMapper, type MqttOptions } from "../../src/mqtt/index.ts";
import { aCall, aDevice, aProperty } from "../support/gen.ts";
import { aClient, createConnections, startBroker, type TestBroker } from "../support/mosquitto.ts";
import { until } from "../support/process.ts";

describe("the MQTT mapper, with mosquitto", () => {
  let dir: string;
  let broker: TestBroker;
  let thing: MqttClient;
  const heard: { topic: string; text: string; retain: boolean }[] = [];
  const handles: DeviceHandle[] = [];
  const connections = createConnections();
  let driver: Driver;

  const fresh = (options: Partial<MqttOptions> = {}): Driver =>
    (driver = driverOf(
      mqttMapper(
        { reconnectMs: 50, connectTimeoutMs: 2_000, lingerMs: 300, ...options },
        systemClock,
        connections.connect,
      ),
    ));
  const open = async (
    properties: readonly ConfigData[],
    config: ConfigData = { Broker: `tcp://127.0.0.1:${broker.port}` },
  ): Promise<DeviceHandle> => {
    const device = aDevice(config, {
      properties: properties.map((each, i) => aProperty(each, { name: `property-${i}` })),
    });
    const handle = await driver.open(device, aCall());
    handles.push(handle);
    return handle;
  };

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "mqtt-"));
    broker = await startBroker(dir, ["allow_anonymous true"]);
    thing = await aClient(broker.port);
    thing.on("message", (topic, payload, { retain }) => {
      heard.push({ topic, text: payload.toString(), retain });
    });
    await thing.subscribeAsync("command/#");
  });
  afterEach(async () => {
    for (const handle of handles.splice(0)) await handle.close?.(aCall());
    connections.end();
    heard.length = 0;
  });
  afterAll(async () => {
    thing.end(true);
    await broker.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  it("reads what was kept by the broker, and then what comes", async () => {
    fresh();
    const property = aProperty({ Topic: "hall/temperature" }, { type: "FLOAT" });
    await thing.publishAsync("hall/temperature", "20.5", { retain: true, qos: 1 });
    const device = await open([property.config]);
    expect(await device.read(property, aCall())).toBe("20.5");
    await thing.publishAsync("hall/temperature", "21", { qos: 1 });
    let value: Value | undefined;
    for (let i = 0; i < 100 && value !== "21"; i++) value = await device.read(property, aCall());
    expect(value).toBe("21");
  });

  it("reads several properties out of one message", async () => {
    fresh();
    const config = (Path: string): ConfigData => ({ topic: "hall/all", path: Path, QoS: "1" });
    const device = await open([config("a.b[1]"), config("on")]);
    await thing.publishAsync("hall/all", '{"a":{"b":[1,2.5]},"on":true}', { qos: 1 });
    expect(await device.read(aProperty(config("a.b[1]"), { type: "DOUBLE" }), aCall())).toBe(2.5);
    expect(await device.read(aProperty(config("on"), { type: "BOOLEAN" }), aCall())).toBe(true);
    await expect(device.read(aProperty(config("a.c")), aCall())).rejects.toMatchObject({
      code: "VALUE_UNFIT",
    });
  });

  it("sends commands, as text or in JSON", async () => {
    fresh();
    const device = await open([]);
    await device.write?.(aProperty({ CommandTopic: "command/plain", QoS: 2 }), 42, aCall());
    const json = { CommandTopic: "command/json", CommandPath: "set.on", QoS: 1, Retain: true };
    await device.write?.(aProperty(json, { type: "BOOLEAN" }), false, aCall());
    await until(() => heard.length === 2, "both commands");
    expect(heard).toStrictEqual([
      { topic: "command/plain", text: "42", retain: false },
      { topic: "command/json", text: '{"set":{"on":false}}', retain: false },
    ]);
    await thing.publishAsync("command/json", "", { retain: true, qos: 1 });
  });

  it("has no value before the first message, nor when it is too old or too long", async () => {
    fresh({ firstValueMs: 20, maxPayloadBytes: 10 });
    const [silent, old, long] = [
      aProperty({ Topic: "hall/silent" }),
      aProperty({ Topic: "hall/old", MaxAgeMs: 50 }),
      aProperty({ Topic: "hall/long" }),
    ];
    const device = await open([silent, old, long].map(({ config }) => config));
    await expect(device.read(silent, aCall())).rejects.toThrow("no message has come on the topic yet");
    await thing.publishAsync("hall/long", "x".repeat(11), { qos: 1 });
    await thing.publishAsync("hall/old", "1", { qos: 1 });
    const fateOf = (): Promise<string> =>
      Promise.resolve(device.read(old, aCall())).then(String, (error: unknown) => String(error));
    await until(async () => (await fateOf()) === "1", "the message");
    await until(
      async () => (await fateOf()) === "MqttError: the last message is older than 50 ms",
      "its end",
    );
    await expect(device.read(long, aCall())).rejects.toThrow("too long");
  });

  it("has one connection for all devices, which ends some time after them", async () => {
    const { clients } = connections;
    const brokers = createBrokers(
      { ...DEFAULT_MQTT_OPTIONS, lingerMs: 100 },
      systemClock,
      connections.connect,
    );
    const place = { host: "127.0.0.1", port: broker.port, isTls: false, clientId: undefined };
    const leases = await Promise.all([1, 2, 3].map(() => brokers.lease(place)));
    await leases[0]?.broker.subscribe("hall/x", 0, aCall().signal);
    expect(clients).toHaveLength(1);
    leases[0]?.broker.leave("hall/x");
    for (const lease of leases) lease.release();
    expect(clients[0]?.connected).toBe(true);
    await until(() => clients[0]?.connected === false, "the end of the connection");
  });

  it("leaves a connection to who asks for it while its last user gives it back", async () => {
    const brokers = createBrokers(
      { ...DEFAULT_MQTT_OPTIONS, lingerMs: 10 },
      systemClock,
      connections.connect,
    );
    const place = { host: "127.0.0.1", port: broker.port, isTls: false, clientId: undefined };
    const last = await brokers.lease(place);
    const asked = brokers.lease(place);
    last.release();
    const next = await asked;
    await expect(next.broker.subscribe("hall/y", 0, aCall().signal)).resolves.toBeUndefined();
    next.broker.leave("hall/y");
    next.release();
  });

  it("tells a connection that is lost from a broker that refuses", async () => {
    const own = await startBroker(dir, ["allow_anonymous true"]);
    const brokers = createBrokers(
      { ...DEFAULT_MQTT_OPTIONS, lingerMs: 10 },
      systemClock,
      connections.connect,
    );
    const place = { host: "127.0.0.1", port: own.port, isTls: false, clientId: undefined };
    const lease = await brokers.lease(place);
    const subscribing = lease.broker.subscribe("hall/z", 0, aCall().signal);
    for (const { stream } of connections.clients) stream.destroy();
    await expect(subscribing).rejects.toMatchObject({ code: "BROKER_AWAY" });
    lease.release();
    await own.kill();
  });

  it("tells no password in clear to a broker whose files are for TLS", async () => {
    const secrets = mkdtempSync(join(dir, "tls-"));
    fresh({ secretsDir: secrets });
    writeFileSync(join(secrets, `mqtt.127.0.0.1_${broker.port}.username`), "mapper\n");
    writeFileSync(join(secrets, `mqtt.127.0.0.1_${broker.port}.password`), "s3cret\n");
    await expect(open([])).resolves.toBeDefined();
    writeFileSync(join(secrets, `mqtt.127.0.0.1_${broker.port}.ca`), "a certificate\n");
    fresh({ secretsDir: secrets });
    const opening = open([]);
    await expect(opening).rejects.toMatchObject({ code: "TLS_NEEDED" });
    await expect(opening).rejects.not.toThrow(/s3cret/);
  });

  it("has its values at once when a device is opened again", async () => {
    fresh({ firstValueMs: 1 });
    const property = aProperty({ Topic: "hall/again" }, { type: "STRING" });
    const first = await open([property.config]);
    await thing.publishAsync("hall/again", "here", { qos: 1 });
    let value: Value | undefined;
    for (let i = 0; i < 100 && value === undefined; i++)
      value = await Promise.resolve(first.read(property, aCall())).catch(() => undefined);
    await first.close?.(aCall());
    const again = await open([property.config]);
    expect(await again.read(property, aCall())).toBe("here");
  });

  it("tells that the broker is away, and goes on when it is back", async () => {
    fresh();
    const own = await startBroker(dir, ["allow_anonymous true"]);
    const property = aProperty({ Topic: "hall/back" }, { type: "STRING" });
    const config = { Broker: `127.0.0.1:${own.port}` };
    const device = await open([property.config], config);
    await own.kill();
    await until(async () => {
      const read = Promise.resolve(device.read(property, aCall()));
      return (
        (await read.catch((error: unknown) => String(error))) ===
        "MqttError: there is no connection to the broker"
      );
    }, "a read that tells it");
    await expect(open([property.config], config)).rejects.toMatchObject({ code: "BROKER_AWAY" });
    await expect(device.write?.(aProperty({ CommandTopic: "a" }), 1, aCall())).rejects.toMatchObject({
      code: "BROKER_AWAY",
    });
    const back = await startBroker(dir, ["allow_anonymous true"], own.port);
    const again = await open([property.config], config);
    const client = await aClient(own.port);
    await client.publishAsync("hall/back", "yes", { qos: 1 });
    expect(await again.read(property, aCall())).toBe("yes");
    client.end(true);
    await back.kill();
  });

  it("shows its credentials to the broker that they are of, and tells no one else", async () => {
    const secrets = join(dir, "secrets");
    const passwords = join(dir, "passwords");
    execFileSync("mkdir", ["-p", secrets]);
    writeFileSync(passwords, "");
    chmodSync(passwords, 0o600);
    execFileSync("mosquitto_passwd", ["-b", passwords, "mapper", "s3cret"]);
    const guarded = await startBroker(dir, ["allow_anonymous false", `password_file ${passwords}`]);
    const config = { Broker: `mqtt://127.0.0.1:${guarded.port}` };
    fresh({ secretsDir: secrets });
    await expect(open([], config)).rejects.toThrow("the broker lets us not connect");
    writeFileSync(join(secrets, `mqtt.127.0.0.1_${guarded.port}.username`), "mapper\n");
    writeFileSync(join(secrets, `mqtt.127.0.0.1_${guarded.port}.password`), "s3cret\n");
    await expect(open([], config)).resolves.toBeDefined();
    await guarded.kill();
  });

  it("connects to no address that is none", async () => {
    fresh();
    await expect(open([], { Broker: "http://a" })).rejects.toMatchObject({ code: "SETTING_INVALID" });
  });
});
