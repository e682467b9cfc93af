// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  deviceHazards,
  modelHazards,
  type DeviceModelSpec,
  type DeviceProperty,
  type DeviceSpec,
} from "../../src/devices/v1beta1/index.ts";

const many = (count: number): DeviceProperty[] =>
  Array.from({ length: count }, (_, index) => ({ name: `p${index}` }));
const first = (property: DeviceProperty): DeviceSpec => ({ properties: [{ name: "a", ...property }] });
const push = (pushMethod: DeviceProperty["pushMethod"]): DeviceSpec =>
  first({ ...(pushMethod && { pushMethod }) });
const protocol = (configData: Record<string, unknown>): DeviceSpec => ({ protocol: { configData } });
const AT = "spec.properties[0]";

/** Without a field nothing is wrong. */
interface Row {
  readonly id: string;
  readonly when: string;
  readonly spec: DeviceSpec;
  readonly field?: string;
}

const NODE_NAMES: Row[] = [
  { id: "B1", when: "a node name that is a path", spec: { nodeName: "../../x" }, field: "spec.nodeName" },
  ...Object.entries({
    "of 254 characters": "n".repeat(254),
    "in capitals": "Node-1",
    "with a Cyrillic letter": "n\u043ede1",
    "that ends with a dash": "node-",
    "with a line break": "node\n",
  }).map(([what, nodeName]) => ({
    id: "B2",
    when: `a node name ${what}`,
    spec: { nodeName },
    field: "spec.nodeName",
  })),
  ...["n".repeat(253), "edge-node", "10.0.0.1", "a.b-c.d", ""].map((nodeName) => ({
    id: "B2",
    when: `the node name ${JSON.stringify(nodeName)}`,
    spec: { nodeName },
  })),
];

const CYCLES: Row[] = [
  ...[-1, 0, 9, 86_400_001, 10_000_000_000, 2 ** 63].flatMap((cycle) => [
    {
      id: "B8",
      when: `collectCycle ${cycle}`,
      spec: first({ collectCycle: cycle }),
      field: `${AT}.collectCycle`,
    },
    {
      id: "B8",
      when: `reportCycle ${cycle}`,
      spec: first({ reportCycle: cycle }),
      field: `${AT}.reportCycle`,
    },
    {
      id: "B8",
      when: `stateReport.reportCycle ${cycle}`,
      spec: { stateReport: { reportCycle: cycle } },
      field: "spec.stateReport.reportCycle",
    },
  ]),
  ...[10, 1_000, 86_400_000].map((cycle) => ({
    id: "B8",
    when: `cycles of ${cycle}`,
    spec: { ...first({ collectCycle: cycle, reportCycle: cycle }), stateReport: { reportCycle: cycle } },
  })),
];

const PUSHED: Row[] = [
  {
    when: "the password of MySQL in its address",
    spec: push({ dbMethod: { mysql: { mysqlClientConfig: { addr: "root:hunter2@tcp(db:3306)" } } } }),
    field: `${AT}.pushMethod.dbMethod.mysql.mysqlClientConfig.addr`,
  },
  {
    when: "the password of Redis in its URL",
    spec: push({ dbMethod: { redis: { redisClientConfig: { addr: "redis://:hunter2@db:6379" } } } }),
    field: `${AT}.pushMethod.dbMethod.redis.redisClientConfig.addr`,
  },
  {
    when: "the token of InfluxDB in its URL",
    spec: push({
      dbMethod: { influxdb2: { influxdb2ClientConfig: { url: "http://db:8086/?org=o&token=hunter2" } } },
    }),
    field: `${AT}.pushMethod.dbMethod.influxdb2.influxdb2ClientConfig.url`,
  },
  {
    when: "a password that no schema knows",
    spec: push({ dbMethod: { mysql: { mysqlClientConfig: { password: "hunter2" } as object } } }),
    field: `${AT}.pushMethod.dbMethod.mysql.mysqlClientConfig.password`,
  },
  {
    when: "the password of a broker",
    spec: push({ mqtt: { address: "tcp://me:hunter2@broker:1883" } }),
    field: `${AT}.pushMethod.mqtt.address`,
  },
  {
    when: "databases without a password",
    spec: push({
      dbMethod: {
        mysql: { mysqlClientConfig: { addr: "db:3306", database: "d", userName: "u" } },
        redis: { redisClientConfig: { addr: "[::1]:6379" } },
        influxdb2: { influxdb2ClientConfig: { url: "http://db:8086/write?org=o", bucket: "b" } },
      },
      http: { hostName: "http://host:8080", requestPath: "/a@b" },
    }),
  },
].map((row) => ({ id: "B11", ...row }));

const CONFIGURED: Row[] = [
  ...["password", "dbPassword", "db_password", "API-Key", "clientSecret", "accessToken"].map((key) => ({
    id: "B11",
    when: `the setting ${key}`,
    spec: protocol({ inner: [{ [key]: "hunter2" }] }),
    field: `spec.protocol.configData.inner[0].${key}`,
  })),
  {
    id: "B11",
    when: "a password of digits",
    spec: protocol({ password: 123456 }),
    field: "spec.protocol.configData.password",
  },
  {
    id: "B11",
    when: "the password of a camera in its URL",
    spec: first({ visitors: { configData: { stream: "rtsp://admin:hunter2@camera/1" } } }),
    field: `${AT}.visitors.configData.stream`,
  },
  {
    id: "B11",
    when: "settings that only refer to secrets",
    spec: protocol({
      secretRef: { name: "camera" },
      passwordFile: "/run/secrets/camera",
      passwordEnv: "PASSWORD",
      password: "/ca/pass",
      token: "",
      nodeId: "ns=2;s=Line:1@Plant",
    }),
  },
];

const SETTINGS: Row[] = [
  {
    id: "B4",
    when: "1,001 properties",
    spec: { properties: many(1_001) },
    field: "spec.properties",
  },
  { id: "B4", when: "1,000 properties", spec: { properties: many(1_000) } },
  {
    id: "B14",
    when: "a key __proto__ in the facts about a wanted value",
    spec: first({
      desired: { value: "", metadata: JSON.parse('{"__proto__":"x"}') as Record<string, string> },
    }),
    field: `${AT}.desired.metadata`,
  },
  {
    id: "B13",
    when: "300 KiB for the detection of anomalies",
    spec: push({ anomalyDetection: { blob: "x".repeat(300 * 1024) } }),
    field: `${AT}.pushMethod`,
  },
];

describe("hazards of a Device", () => {
  it.each([...NODE_NAMES, ...CYCLES, ...PUSHED, ...CONFIGURED, ...SETTINGS])(
    "$id $when",
    ({ spec, field }) => {
      expect(deviceHazards(spec).map((fault) => fault.field)).toEqual(field === undefined ? [] : [field]);
    },
  );

  it("B11 name secretRef, and never the secret", () => {
    for (const { spec } of [...PUSHED, ...CONFIGURED].filter(({ field }) => field !== undefined)) {
      const [fault] = deviceHazards(spec);
      expect(fault?.message).toContain("secretRef");
      expect(JSON.stringify(fault)).not.toMatch(/hunter2|123456/);
    }
  });

  it("B13 have the status of what is too large, and others have none of their own", () => {
    const codeOf = (spec: DeviceSpec) => deviceHazards(spec).map(({ code }) => code);
    expect(codeOf(protocol({ blob: "x".repeat(300 * 1024) }))).toEqual([413]);
    expect(codeOf({ nodeName: "../../x" })).toEqual([undefined]);
  });

  it("are found in any settings without an exception", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (configData) => {
        deviceHazards(protocol(configData));
      }),
    );
  });
});

describe("hazards of a DeviceModel", () => {
  it.each<{ id: string; when: string; spec: DeviceModelSpec; field?: string }>([
    { id: "B4", when: "1,001 properties", spec: { properties: many(1_001) }, field: "spec.properties" },
    { id: "B4", when: "1,000 properties", spec: { properties: many(1_000) } },
    {
      id: "B11",
      when: "a password that all its devices share",
      spec: { protocolConfigData: { password: "hunter2" } },
      field: "spec.protocolConfigData.password",
    },
    {
      id: "B13",
      when: "settings of 300 KiB",
      spec: { properties: [{ visitors: { configData: { blob: "x".repeat(300 * 1024) } } }] },
      field: `${AT}.visitors.configData`,
    },
    {
      id: "B14",
      when: "a key constructor",
      spec: { protocolConfigData: { constructor: 1 } },
      field: "spec.protocolConfigData",
    },
  ])("$id $when", ({ spec, field }) => {
    expect(modelHazards(spec).map((fault) => fault.field)).toEqual(field === undefined ? [] : [field]);
  });
});
