// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { createPusher } from "../../../src/data/pusher.ts";
import { createSinkOpener } from "../../../src/data/sinks/index.ts";
import { createRedisSink } from "../../../src/data/sinks/redis.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { aLog } from "../../support/gen.ts";
import { aSample, redisTarget, secretsNamed, sendOnce, withTls } from "../samples.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { makeDir, startProcess, until, type TestProcess } from "../servers/process.ts";

const PASSWORD = "s3cr3t-of-redis";
const secrets = secretsNamed({ password: PASSWORD });
const started: TestProcess[] = [];

async function startRedis(
  args: readonly string[] = [],
  dir = makeDir("redis"),
  portOption = "--port",
): Promise<TestProcess> {
  const server = await startProcess({
    command: "redis-server",
    dir,
    args: (port) => [
      ...["--bind", "127.0.0.1", portOption, String(port), "--requirepass", PASSWORD],
      ...["--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always", ...args],
    ],
  });
  started.push(server);
  return server;
}

/** What a client of somebody else's reads. */
async function reading<T>(port: number, ask: (redis: Redis) => Promise<T>, db = 0): Promise<T> {
  const redis = new Redis({ host: "127.0.0.1", port, password: PASSWORD, db, lazyConnect: true });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

afterAll(() => Promise.all(started.map((server) => server.stop())));

describe("the Redis sink", () => {
  let redis: TestProcess;
  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(() => reading(redis.port, (client) => client.flushall()));

  it("A18 adds KubeEdge's record to the device's sorted set, by time in milliseconds", async () => {
    await sendOnce(createRedisSink, redisTarget(redis.port), secrets, aSample());
    const got = await reading(redis.port, (client) => client.zrange("hall", "0", "-1", "WITHSCORES"));
    expect(got[1]).toBe("1700000000123");
    expect(JSON.parse(got[0] ?? "")).toEqual({
      ...{ DeviceName: "hall", PropertyName: "temperature", Namespace: "default" },
      ...{ Value: "21.5", Type: "FLOAT", TimeStamp: 1_700_000_000_123 },
    });
  });

  it("writes a batch of many devices to the database that is named", async () => {
    const samples = Array.from({ length: 100 }, (_, index) =>
      aSample({ device: `d${index % 7}`, text: `"${index}"\r\n`, atMs: index }),
    );
    await sendOnce(createRedisSink, redisTarget(redis.port, { db: 3 }), secrets, ...samples);
    const keys = await reading(redis.port, (client) => client.keys("*"), 3);
    expect(keys.sort()).toEqual(["d0", "d1", "d2", "d3", "d4", "d5", "d6"]);
    const members = await reading(redis.port, (client) => client.zrange("d1", "0", "-1"), 3);
    expect(members.map((member) => (JSON.parse(member) as { Value: string }).Value)).toEqual(
      Array.from({ length: 15 }, (_, index) => `"${1 + 7 * index}"\r\n`),
    );
  });

  it("holds once what is sent twice, as after a lost answer", async () => {
    const target = redisTarget(redis.port);
    for (const again of [1, 2, 3]) {
      const next = aSample({ text: "22", atMs: 1_700_000_000_200 + again });
      await sendOnce(createRedisSink, target, secrets, aSample(), next);
    }
    expect(await reading(redis.port, (client) => client.zcard("hall"))).toBe(4);
  });

  it("refuses what has a key of another kind, and adds the others once they come alone", async () => {
    await reading(redis.port, (client) => client.set("taken", "by another"));
    const plane = createPusher({
      openSink: createSinkOpener(secrets),
      ...{ clock: createFakeClock(), log: aLog(), random: () => 0.5 },
    });
    for (let i = 0; i < 9; i++)
      plane.offer([redisTarget(redis.port)], aSample({ device: i === 4 ? "taken" : "hall", atMs: i }));
    await until(() => plane.counters().sent === 8);
    expect(plane.counters()).toMatchObject({ offered: 9, sent: 8, refused: 1 });
    expect(await reading(redis.port, (client) => client.zcard("hall"))).toBe(8);
    plane.close();
  });

  it.each([
    { when: "the password is wrong", given: { password: "no" } },
    { when: "there is none", given: {} },
    { when: "the user is unknown", given: { username: "who", password: PASSWORD } },
  ])("tells that it is not let in when $when, without the password", async ({ given }) => {
    const sent = sendOnce(createRedisSink, redisTarget(redis.port), secretsNamed(given), aSample());
    await expect(sent).rejects.toMatchObject({ code: "UNAUTHORIZED", retryable: true });
    await expect(sent).rejects.not.toThrow(/s3cr3t|21\.5|hall/);
  });

  it("tells of a user that may not write, and of a database that is not there", async () => {
    await reading(redis.port, (client) => client.acl("SETUSER", "reader", "on", ">pw", "~*", "+@read"));
    const reader = secretsNamed({ username: "reader", password: "pw" });
    const sent = sendOnce(createRedisSink, redisTarget(redis.port), reader, aSample());
    await expect(sent).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    const nowhere = sendOnce(createRedisSink, redisTarget(redis.port, { db: 99 }), secrets, aSample());
    await expect(nowhere).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("asks for time when Redis is full", async () => {
    const full = await startRedis(["--maxmemory", "1", "--maxmemory-policy", "noeviction"]);
    const sent = sendOnce(
      createRedisSink,
      redisTarget(full.port),
      secrets,
      aSample(),
      aSample({ device: "b" }),
    );
    await expect(sent).rejects.toMatchObject({ code: "UNAVAILABLE", message: "Redis answered OOM" });
  });

  it("is late when Redis hangs, and unreachable when it is gone", async () => {
    const other = await startRedis();
    const sink = createRedisSink(redisTarget(other.port), secrets);
    const batch = [{ sample: aSample(), target: redisTarget(other.port) }];
    await sink.send(batch, AbortSignal.timeout(5_000));
    other.freeze();
    await expect(sink.send(batch, AbortSignal.timeout(100))).rejects.toMatchObject({ code: "TIMEOUT" });
    await other.kill();
    const sent = sendOnce(createRedisSink, redisTarget(other.port), secrets, aSample());
    await expect(sent).rejects.toMatchObject({ code: "UNREACHABLE", message: "ECONNREFUSED" });
  });
});

describe("the Redis sink with TLS", () => {
  it.each([
    { when: "the authority is given", name: "IP:127.0.0.1", knows: true, want: undefined },
    { when: "the authority is unknown", name: "IP:127.0.0.1", knows: false, want: /CERT|SIGNATURE/ },
    { when: "the certificate is of another", name: "DNS:elsewhere", knows: true, want: /ALTNAME/ },
  ])("S13 checks the certificate when $when", async ({ name, knows, want }) => {
    const dir = makeDir("redis");
    const { ca, cert, key, caPem } = await makeCertificates(dir, name);
    const files = ["--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key];
    const args = ["--port", "0", "--tls-auth-clients", "no", ...files];
    const { port } = await startRedis(args, dir, "--tls-port");
    const given = secretsNamed(knows ? { password: PASSWORD, ca: caPem } : { password: PASSWORD });
    const sent = sendOnce(createRedisSink, withTls(redisTarget(port)), given, aSample());
    if (want)
      await expect(sent).rejects.toMatchObject({ code: "UNREACHABLE", message: expect.stringMatching(want) });
    else await expect(sent).resolves.toBeUndefined();
  });
});

describe("the data plane when Redis is killed", () => {
  it("R36 loses nothing that its buffer holds, and doubles nothing", async () => {
    const redis = await startRedis();
    const openSink = createSinkOpener(secrets);
    const plane = createPusher({ openSink, clock: createFakeClock(), log: aLog(), random: () => 0.5 });
    const offer = (from: number, to: number) => {
      for (let i = from; i < to; i++)
        plane.offer([redisTarget(redis.port)], aSample({ text: String(i), atMs: 1_700_000_000_000 + i }));
    };
    offer(0, 300);
    await until(() => plane.counters().sent > 0);
    await redis.kill();
    offer(300, 600);
    await until(() => plane.counters().failedSends > 0);
    await redis.start();
    expect(await plane.flush(1_000)).toBe(true);
    expect(plane.counters()).toMatchObject({ offered: 600, sent: 600, dropped: 0 });
    const members = await reading(redis.port, (client) => client.zrange("hall", "0", "-1"));
    const texts = members.map((member) => (JSON.parse(member) as { Value: string }).Value);
    expect(texts).toEqual(Array.from({ length: 600 }, (_, index) => String(index)));
    plane.close();
  });
});
