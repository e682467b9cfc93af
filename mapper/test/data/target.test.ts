// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { PushMethod, type DeepPartial } from "@longshore/crds/dmi";
import { connectionKey, planPush } from "../../src/data/target.ts";

const plan = (push: DeepPartial<PushMethod>) => planPush(PushMethod.fromPartial(push));
const influxdb2 = (url: string, data: object = {}): DeepPartial<PushMethod> => ({
  dbMethod: {
    influxdb2: {
      influxdb2ClientConfig: { url, org: "o", bucket: "b" },
      influxdb2DataConfig: { measurement: "m", tag: { place: "hall", none: "" }, fieldKey: "value", ...data },
    },
  },
});
const http = (hostname: string, requestpath = "/", port = 80n): DeepPartial<PushMethod> => ({
  http: { hostname, port, requestpath, timeout: 0n },
});

describe("planPush", () => {
  it("plans nothing when nothing is to be pushed", () => {
    expect(planPush(undefined)).toEqual({ targets: [], refused: [] });
    expect(plan({ anomalyDetection: { data: {} } })).toEqual({ targets: [], refused: [] });
  });

  it.each<{ push: DeepPartial<PushMethod>; want: object }>([
    {
      push: { http: { hostname: "http://App.local", port: 8080n, requestpath: "push?a=1", timeout: 2000n } },
      want: {
        kind: "http",
        endpoint: { isTls: false, host: "app.local", port: 8080 },
        path: "/push?a=1",
        timeoutMs: 2000,
      },
    },
    {
      push: http("https://[::1]", "/", 0n),
      want: { kind: "http", endpoint: { isTls: true, host: "::1", port: 443 }, path: "/" },
    },
    {
      push: http("127.0.0.1", "/x", 9000n),
      want: { kind: "http", endpoint: { isTls: false, host: "127.0.0.1", port: 9000 } },
    },
    {
      push: { mqtt: { address: "tcp://127.0.0.1:1883", topic: "temp", qos: 1, retained: true } },
      want: {
        kind: "mqtt",
        endpoint: { isTls: false, host: "127.0.0.1", port: 1883 },
        topic: "temp",
        qos: 1,
        isRetained: true,
      },
    },
    {
      push: { mqtt: { address: "ssl://broker", topic: "t" } },
      want: { endpoint: { isTls: true, host: "broker", port: 8883 }, qos: 0, isRetained: false },
    },
    {
      push: influxdb2("http://db:8086/base/"),
      want: {
        kind: "influxdb2",
        endpoint: { isTls: false, host: "db", port: 8086 },
        basePath: "/base",
        tags: { place: "hall" },
      },
    },
    {
      push: influxdb2("http://proxy:80"),
      want: { kind: "influxdb2", endpoint: { isTls: false, host: "proxy", port: 80 }, basePath: "" },
    },
    {
      push: influxdb2("db"),
      want: { kind: "influxdb2", endpoint: { isTls: false, host: "db", port: 8086 }, basePath: "" },
    },
    {
      push: { mqtt: { address: "mqtt://[fe80::1]:1884", topic: "t" } },
      want: { kind: "mqtt", endpoint: { isTls: false, host: "fe80::1", port: 1884 } },
    },
    {
      push: { dbMethod: { redis: { redisClientConfig: { addr: "r:6380", db: 2 } } } },
      want: { kind: "redis", endpoint: { isTls: false, host: "r", port: 6380 }, db: 2 },
    },
    {
      push: { dbMethod: { mysql: { mysqlClientConfig: { addr: "sql", database: "d", userName: "u" } } } },
      want: {
        kind: "mysql",
        endpoint: { isTls: false, host: "sql", port: 3306 },
        database: "d",
        userName: "u",
      },
    },
    {
      push: { dbMethod: { tdengine: { tdEngineClientConfig: { addr: "td:6041", dbname: "d" } } } },
      want: { kind: "tdengine", endpoint: { isTls: false, host: "td", port: 6041 }, database: "d" },
    },
    {
      push: { otel: { endpointURL: "http://c:4318/v1/metrics?db=public" } },
      want: {
        kind: "otel",
        endpoint: { isTls: false, host: "c", port: 4318 },
        path: "/v1/metrics?db=public",
      },
    },
  ])("plans $want.kind to $want.endpoint.host", ({ push, want }) => {
    const { targets, refused } = plan(push);
    expect(refused).toEqual([]);
    expect(targets).toHaveLength(1);
    expect(targets[0]).toMatchObject(want);
  });

  it.each<{ push: DeepPartial<PushMethod>; reason: string }>([
    { push: http(""), reason: "no address" },
    { push: http("http://user:pw@h"), reason: "credentials in the address" },
    { push: http("user:pw@h"), reason: "credentials in the address" },
    { push: http("h", "/push?access_token=x"), reason: "credentials in the address" },
    { push: http("h", "/push?API-key=x"), reason: "credentials in the address" },
    { push: http("h", "/a b"), reason: "address is not understood" },
    { push: http("h", "/a\r\nX: y"), reason: "address is not understood" },
    { push: http("http://h/path"), reason: "address is not understood" },
    { push: http("h:0"), reason: "address is not understood" },
    { push: http("http://h\tx"), reason: "address is not understood" },
    { push: http("http://../etc"), reason: "address is not understood" },
    { push: http("h", "/", 70_000n), reason: "something is out of range" },
    { push: http("ftp://h"), reason: "scheme is not supported" },
    { push: http("constructor://h"), reason: "scheme is not supported" },
    { push: { mqtt: { address: "tcp://u:p@h", topic: "t" } }, reason: "credentials in the address" },
    { push: { mqtt: { address: "tcp://%2e%2e%2fetc", topic: "t" } }, reason: "address is not understood" },
    { push: { mqtt: { address: "tcp://h", topic: "" } }, reason: "something is missing" },
    { push: { mqtt: { address: "tcp://h", topic: "a/#" } }, reason: "something is out of range" },
    { push: { mqtt: { address: "tcp://h", topic: "t", qos: 3 } }, reason: "something is out of range" },
    { push: influxdb2("http://h?token=x"), reason: "credentials in the address" },
    { push: influxdb2("http://h", { measurement: "" }), reason: "something is missing" },
    { push: influxdb2("http://h", { measurement: "m\nx" }), reason: "something is out of range" },
    { push: influxdb2("http://h", { tag: { a: "b\\" } }), reason: "something is out of range" },
    { push: influxdb2("http://h", { tag: { a: "b\\,c" } }), reason: "something is out of range" },
    { push: influxdb2("http://h", { fieldKey: 'a\\"' }), reason: "something is out of range" },
    { push: { dbMethod: { redis: {} } }, reason: "no address" },
    {
      push: { dbMethod: { redis: { redisClientConfig: { addr: "r", db: -1 } } } },
      reason: "something is out of range",
    },
    {
      push: { dbMethod: { mysql: { mysqlClientConfig: { addr: "s", database: "d`", userName: "u" } } } },
      reason: "something is out of range",
    },
  ])("refuses %j with its reason", ({ push, reason }) => {
    const { targets, refused } = plan(push);
    expect(targets).toEqual([]);
    expect(refused.map((one) => one.reason)).toEqual([reason]);
  });

  it("carries out what it can of several", () => {
    const { targets, refused } = plan({ ...http("h"), mqtt: { address: "", topic: "t" } });
    expect(targets.map(({ kind }) => kind)).toEqual(["http"]);
    expect(refused).toEqual([{ kind: "mqtt", reason: "no address" }]);
  });
});

describe("connectionKey", () => {
  const keyOf = (push: DeepPartial<PushMethod>) => connectionKey(plan(push).targets[0]!);
  it("is the same for another topic or measurement, and another for another server", () => {
    const mqtt = (address: string, topic: string) => keyOf({ mqtt: { address, topic } });
    expect(mqtt("tcp://h:1883", "a")).toBe(mqtt("h", "b"));
    expect(mqtt("tcp://h:1884", "a")).not.toBe(mqtt("h", "a"));
    expect(mqtt("ssl://h:1883", "a")).not.toBe(mqtt("h", "a"));
    expect(keyOf(influxdb2("h", { measurement: "x" }))).toBe(keyOf(influxdb2("h", { fieldKey: "f" })));
    expect(keyOf(http("h", "/a"))).not.toBe(keyOf(http("h", "/b")));
  });
});
