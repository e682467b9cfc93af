// SPDX-License-Identifier: Apache-2.0
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { connectAsync, type MqttClient } from "mqtt";
import { systemClock } from "../../../src/clock.ts";
import { createPusher } from "../../../src/data/pusher.ts";
import { createSinkOpener } from "../../../src/data/sinks/index.ts";
import { createMqttSink } from "../../../src/data/sinks/mqtt.ts";
import { createFakeClock, settle } from "../../support/fake-clock.ts";
import { aLog } from "../../support/gen.ts";
import { aSample, mqttTarget, secretsNamed, secretsOf, sendOnce, withTls } from "../samples.ts";
import { makeCertificates, type Certificates } from "../servers/certificates.ts";
import { makeDir, run, startProcess, until, type TestProcess } from "../servers/process.ts";

const noSecrets = secretsNamed({});
const PASSWORD = "s3cr3t-of-the-broker";
const started: TestProcess[] = [];
const clients: MqttClient[] = [];

/** A real broker; `lines` is its configuration beside the port. */
async function startBroker(lines: readonly string[], dir = makeDir("mosquitto")): Promise<TestProcess> {
  chmodSync(dir, 0o755);
  const config = join(dir, "mosquitto.conf");
  const broker = await startProcess({
    command: "mosquitto",
    dir,
    args: (port) => {
      writeFileSync(config, [`listener ${port} 127.0.0.1`, ...lines, ""].join("\n"));
      return ["-c", config];
    },
  });
  started.push(broker);
  return broker;
}

interface Seen {
  readonly topic: string;
  readonly text: string;
  readonly qos: number;
  readonly isRetained: boolean;
}

async function listen(port: number, filter = "#", options: object = {}): Promise<Seen[]> {
  const seen: Seen[] = [];
  const client = await connectAsync({ host: "127.0.0.1", port, reconnectPeriod: 0, ...options });
  client.on("error", () => undefined);
  clients.push(client);
  client.on("message", (topic, payload, { qos, retain }) =>
    seen.push({ topic, text: payload.toString(), qos, isRetained: retain }),
  );
  await client.subscribeAsync(filter, { qos: 2 });
  return seen;
}

afterEach(() => {
  for (const client of clients.splice(0)) client.end(true);
});
afterAll(() => Promise.all(started.map((broker) => broker.stop())));

describe("the MQTT sink at mosquitto", () => {
  let broker: TestProcess;
  beforeAll(async () => {
    broker = await startBroker(["allow_anonymous true"]);
  });

  it.each([0, 1, 2] as const)("A18 publishes KubeEdge's text with QoS %d", async (qos) => {
    const seen = await listen(broker.port);
    await sendOnce(createMqttSink, mqttTarget(broker.port, { qos, topic: `t${qos}` }), noSecrets, aSample());
    await until(() => seen.length > 0);
    const text = `time is 2023-11-14 22:13:20  t${qos}: 21.5`;
    expect(seen).toEqual([{ topic: `t${qos}`, text, qos, isRetained: false }]);
  });

  it("leaves the newest for those who come later when it is retained", async () => {
    const target = mqttTarget(broker.port, { topic: "kept", isRetained: true });
    await sendOnce(createMqttSink, target, noSecrets, aSample({ text: "1" }), aSample({ text: "2" }));
    const seen = await listen(broker.port, "kept");
    await until(() => seen.length > 0);
    expect(seen).toMatchObject([{ text: "time is 2023-11-14 22:13:20  kept: 2", isRetained: true }]);
  });

  it("keeps the order of a batch, whatever its topics", async () => {
    const seen = await listen(broker.port, "o/#");
    const sink = createMqttSink(mqttTarget(broker.port), noSecrets);
    const batch = Array.from({ length: 100 }, (_, index) => ({
      target: mqttTarget(broker.port, { topic: `o/${index % 3}` }),
      sample: aSample({ text: String(index) }),
    }));
    await sink.send(batch, AbortSignal.timeout(10_000));
    sink.close();
    await until(() => seen.length === 100);
    expect(seen.map(({ text }) => text.split(": ")[1])).toEqual(batch.map(({ sample }) => sample.text));
  });

  it("fails as unreachable where nobody listens, and as late when the broker hangs", async () => {
    const sleepy = await startBroker(["allow_anonymous true"]);
    const sink = createMqttSink(mqttTarget(sleepy.port), noSecrets);
    const batch = [{ sample: aSample(), target: mqttTarget(sleepy.port) }];
    await sink.send(batch, AbortSignal.timeout(10_000));
    sleepy.freeze();
    await expect(sink.send(batch, AbortSignal.timeout(100))).rejects.toMatchObject({ code: "TIMEOUT" });
    await expect(sink.send(batch, AbortSignal.timeout(100))).rejects.toMatchObject({ code: "UNREACHABLE" });
    await sleepy.kill();
    await expect(
      sendOnce(createMqttSink, mqttTarget(sleepy.port), noSecrets, aSample()),
    ).rejects.toMatchObject({ code: "UNREACHABLE", message: "ECONNREFUSED" });
  });
});

describe("the MQTT sink and a broker's locks", () => {
  it("takes user name and password from the secrets, and says when they are wrong", async () => {
    const dir = makeDir("mosquitto");
    const passwords = join(dir, "passwords");
    await run("mosquitto_passwd", ["-b", "-c", passwords, "mapper", PASSWORD]);
    chmodSync(passwords, 0o644);
    const { port } = await startBroker(["allow_anonymous false", `password_file ${passwords}`], dir);
    const right = secretsNamed({ username: "mapper", password: PASSWORD });
    const seen = await listen(port, "#", { username: "mapper", password: PASSWORD });
    await sendOnce(createMqttSink, mqttTarget(port), right, aSample());
    await until(() => seen.length === 1);
    for (const wrong of [noSecrets, secretsNamed({ username: "mapper", password: "no" })]) {
      const sent = sendOnce(createMqttSink, mqttTarget(port), wrong, aSample());
      await expect(sent).rejects.toMatchObject({ code: "UNAUTHORIZED", retryable: true });
      await expect(sent).rejects.not.toThrow(PASSWORD);
    }
  });

  it.each([
    { when: "the authority is given", name: "IP:127.0.0.1", knows: true, want: undefined },
    { when: "the authority is unknown", name: "IP:127.0.0.1", knows: false, want: /CERT|SIGNATURE/ },
    { when: "the certificate is of another", name: "DNS:elsewhere", knows: true, want: /ALTNAME/ },
  ])("S13 checks the broker's certificate when $when", async ({ name, knows, want }) => {
    const dir = makeDir("mosquitto");
    const files: Certificates = await makeCertificates(dir, name);
    const lines = [`cafile ${files.ca}`, `certfile ${files.cert}`, `keyfile ${files.key}`];
    const { port } = await startBroker(["allow_anonymous true", ...lines], dir);
    const secrets = secretsNamed(knows ? { ca: files.caPem } : {});
    const sent = sendOnce(createMqttSink, withTls(mqttTarget(port)), secrets, aSample());
    if (want)
      await expect(sent).rejects.toMatchObject({ code: "UNREACHABLE", message: expect.stringMatching(want) });
    else await expect(sent).resolves.toBeUndefined();
  });

  it("shows its own certificate to a broker that asks for one", async () => {
    const dir = makeDir("mosquitto");
    const files = await makeCertificates(dir);
    const lines = [`cafile ${files.ca}`, `certfile ${files.cert}`, `keyfile ${files.key}`];
    const { port } = await startBroker(["allow_anonymous true", "require_certificate true", ...lines], dir);
    const [cert = "", key = ""] = [files.cert, files.key].map((path) => readFileSync(path, "utf8"));
    const target = withTls(mqttTarget(port));
    await sendOnce(createMqttSink, target, secretsNamed({ ca: files.caPem, cert, key }), aSample());
    const without = sendOnce(createMqttSink, target, secretsNamed({ ca: files.caPem }), aSample());
    await expect(without).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});

describe("the data plane when a broker is killed", () => {
  it("R36 loses nothing that its buffer holds", async () => {
    const broker = await startBroker(["allow_anonymous true"]);
    const clock = createFakeClock();
    const openSink = createSinkOpener(secretsOf(() => undefined));
    const plane = createPusher({ openSink, clock, log: aLog(), random: () => 0.5 });
    const offer = (from: number, to: number) => {
      for (let i = from; i < to; i++)
        plane.offer([mqttTarget(broker.port)], aSample({ text: String(i), atMs: 1_700_000_000_000 + i }));
    };
    const before = await listen(broker.port);
    offer(0, 50);
    await until(() => plane.counters().sent === 50);
    await until(() => before.length === 50);
    await broker.kill();
    offer(50, 300);
    await until(() => plane.counters().failedSends > 0);
    void plane.flush(1_000);
    offer(300, 350);
    await until(() => plane.counters().failedSends > 1);
    await broker.start();
    const after = await listen(broker.port);
    expect(await plane.flush(1_000)).toBe(true);
    expect(plane.counters().sent).toBe(350);
    await until(() => after.length >= 300);
    const texts = after.map(({ text }) => text.split(": ")[1]);
    expect(texts).toEqual(Array.from({ length: 300 }, (_, index) => String(50 + index)));
    expect(plane.counters()).toMatchObject({ offered: 350, sent: 350, dropped: 0, refused: 0 });
    plane.close();
    await settle();
  });

  it("publishes again by itself, in real time", async () => {
    const broker = await startBroker(["allow_anonymous true"]);
    const openSink = createSinkOpener(secretsOf(() => undefined));
    const options = { retryBaseMs: 20, retryCapMs: 100 };
    const plane = createPusher({ openSink, clock: systemClock, log: aLog(), random: Math.random, options });
    plane.offer([mqttTarget(broker.port)], aSample());
    await until(() => plane.counters().sent === 1);
    await broker.kill();
    plane.offer([mqttTarget(broker.port)], aSample());
    await until(() => plane.counters().failedSends > 1);
    await broker.start();
    await until(() => plane.counters().sent === 2);
    plane.close();
  });
});
