// SPDX-License-Identifier: Apache-2.0
import {
  DBMethod,
  Influxdb2ClientConfig,
  Influxdb2DataConfig,
  PushMethod,
  type DBMethodInfluxdb2,
  type DBMethodMySQL,
  type DBMethodRedis,
  type DBMethodTDEngine,
  type PushMethodHTTP,
  type PushMethodMQTT,
  type PushMethodOTEL,
} from "@longshore/crds/dmi";
import { authorityOf, hasSecretParameter, parseAddress, type PushRefusal } from "./endpoint.ts";
import type { Target, TargetKind } from "./port.ts";

/** A push method that is not carried out, and why. */
export interface RefusedPush {
  readonly kind: TargetKind;
  readonly reason: PushRefusal;
}

type Planned = Target | PushRefusal;

const plain = (port: number): { isTls: boolean; port: number } => ({ isTls: false, port });
const tls = (port: number): { isTls: boolean; port: number } => ({ isTls: true, port });

const WEB = { schemes: { http: plain(80), https: tls(443) }, hasPath: true };
const INFLUXDB2 = { schemes: { http: plain(8086), https: tls(443) }, hasPath: true };
const OTEL = { schemes: { http: plain(4318), https: tls(443) }, hasPath: true };
const MQTT = {
  schemes: { tcp: plain(1883), mqtt: plain(1883), ssl: tls(8883), tls: tls(8883), mqtts: tls(8883) },
  hasPath: false,
};
const REDIS = { schemes: { redis: plain(6379), rediss: tls(6379) }, hasPath: false };
const MYSQL = { schemes: { mysql: plain(3306), mysqls: tls(3306) }, hasPath: false };
const TDENGINE = { schemes: { http: plain(6041), https: tls(6041) }, hasPath: false };

/** More than any deadline of a send. */
const MAX_TIMEOUT_MS = 600_000;
const MAX_TOPIC_BYTES = 65_535;
/** What a request line can hold. */
const PATH = /^\/[\x21-\x22\x24-\x7e]*$/;
/** Letters that end a line or a string in no protocol; a backslash at the end would escape what follows. */
const NAME = /^[^\p{Cc}]*[^\p{Cc}\\]$/u;
/** Line protocol has no escape for a backslash: before these it would be one itself. */
const LINE_NAME = /^(?:[^\p{Cc}\\]|\\(?![,= "]|$))+$/u;
/** Names that stand in a statement or a URL unquoted. */
const DATABASE = /^[A-Za-z0-9_$-]{1,192}$/;

/** Checks a push method: its targets, and what of it is refused. Anomaly detection is not a push. */
export function planPush(push: PushMethod | undefined): {
  targets: readonly Target[];
  refused: readonly RefusedPush[];
} {
  const methods = PushMethod.fromPartial(push ?? {});
  const databases = DBMethod.fromPartial(methods.dbMethod ?? {});
  const plans = [
    planOne("http", methods.http, planHttp),
    planOne("mqtt", methods.mqtt, planMqtt),
    planOne("otel", methods.otel, planOtel),
    planOne("influxdb2", databases.influxdb2, planInfluxdb2),
    planOne("redis", databases.redis, planRedis),
    planOne("mysql", databases.mysql, planMysql),
    planOne("tdengine", databases.tdengine, planTdengine),
  ].flat();
  return {
    targets: plans.filter((plan): plan is Target => !("reason" in plan)),
    refused: plans.filter((plan): plan is RefusedPush => "reason" in plan),
  };
}

function planOne<T>(
  kind: TargetKind,
  given: T | undefined,
  plan: (given: T) => Planned,
): readonly (Target | RefusedPush)[] {
  if (given === undefined) return [];
  const planned = plan(given);
  return [typeof planned === "string" ? { kind, reason: planned } : planned];
}

function planHttp({ hostname, port, requestpath, timeout }: PushMethodHTTP): Planned {
  const address = parseAddress(hostname, { ...WEB, hasPath: false });
  if (typeof address === "string") return address;
  if (port < 0n || port > 65_535n) return "something is out of range";
  const path = requestpath.startsWith("/") ? requestpath : `/${requestpath}`;
  if (!PATH.test(path)) return "address is not understood";
  if (hasSecretParameter(path)) return "credentials in the address";
  const endpoint = port === 0n ? address.endpoint : { ...address.endpoint, port: Number(port) };
  return { kind: "http", endpoint, path, timeoutMs: timeoutOf(timeout) };
}

const timeoutOf = (timeout: bigint): number | undefined =>
  timeout > 0n ? Math.min(Number(timeout), MAX_TIMEOUT_MS) : undefined;

function planMqtt({ address: text, topic, qos, retained }: PushMethodMQTT): Planned {
  const address = parseAddress(text, MQTT);
  if (typeof address === "string") return address;
  if (topic === "") return "something is missing";
  const isTopic = !/[+#\p{Cc}]/u.test(topic) && Buffer.byteLength(topic) <= MAX_TOPIC_BYTES;
  if (!isTopic || (qos !== 0 && qos !== 1 && qos !== 2)) return "something is out of range";
  return { kind: "mqtt", endpoint: address.endpoint, topic, qos, isRetained: retained };
}

function planOtel({ endpointURL }: PushMethodOTEL): Planned {
  const address = parseAddress(endpointURL, OTEL);
  return typeof address === "string" ? address : { kind: "otel", ...address };
}

function planInfluxdb2(given: DBMethodInfluxdb2): Planned {
  const { url, org, bucket } = Influxdb2ClientConfig.fromPartial(given.influxdb2ClientConfig ?? {});
  const { measurement, fieldKey, tag } = Influxdb2DataConfig.fromPartial(given.influxdb2DataConfig ?? {});
  const address = parseAddress(url, INFLUXDB2);
  if (typeof address === "string") return address;
  if (address.path.includes("?")) return "address is not understood";
  const needed = [org, bucket, measurement, fieldKey];
  if (needed.includes("")) return "something is missing";
  const tags = Object.entries(tag).filter(([, value]) => value !== "");
  const areNames = [...needed, ...tags.flat()].every((name) => LINE_NAME.test(name));
  if (!areNames || measurement.startsWith("#")) return "something is out of range";
  const basePath = address.path.replace(/\/+$/, "");
  const into = { org, bucket, measurement, tags: Object.fromEntries(tags), fieldKey };
  return { kind: "influxdb2", endpoint: address.endpoint, basePath, ...into };
}

function planRedis({ redisClientConfig }: DBMethodRedis): Planned {
  const { addr = "", db = 0 } = redisClientConfig ?? {};
  const address = parseAddress(addr, REDIS);
  if (typeof address === "string") return address;
  return db < 0 ? "something is out of range" : { kind: "redis", endpoint: address.endpoint, db };
}

function planMysql({ mysqlClientConfig }: DBMethodMySQL): Planned {
  const { addr = "", database = "", userName = "" } = mysqlClientConfig ?? {};
  const address = parseAddress(addr, MYSQL);
  if (typeof address === "string") return address;
  if (database === "" || userName === "") return "something is missing";
  if (!DATABASE.test(database) || !NAME.test(userName)) return "something is out of range";
  return { kind: "mysql", endpoint: address.endpoint, database, userName };
}

function planTdengine({ tdEngineClientConfig }: DBMethodTDEngine): Planned {
  const { addr = "", dbname = "" } = tdEngineClientConfig ?? {};
  const address = parseAddress(addr, TDENGINE);
  if (typeof address === "string") return address;
  if (dbname === "") return "something is missing";
  if (!DATABASE.test(dbname)) return "something is out of range";
  return { kind: "tdengine", endpoint: address.endpoint, database: dbname };
}

/** What one connection is of: equal for targets that share it, whatever their topic or measurement. Holds no secret. */
export function connectionKey(target: Target): string {
  const { kind, endpoint } = target;
  return [kind, endpoint.isTls ? "tls" : "plain", authorityOf(endpoint), ...detailOf(target)].join(" ");
}

function detailOf(target: Target): readonly string[] {
  switch (target.kind) {
    case "http":
    case "otel":
      return [target.path]; // a path that does not answer must not hold up its neighbours
    case "influxdb2":
      return [target.basePath, JSON.stringify([target.org, target.bucket])];
    case "redis":
      return [String(target.db)];
    case "mysql":
      return [JSON.stringify([target.userName, target.database])];
    case "tdengine":
      return [target.database];
    case "mqtt":
      return [];
  }
}
