// SPDX-License-Identifier: Apache-2.0
import type {
  HttpTarget,
  Influxdb2Target,
  MqttTarget,
  MysqlTarget,
  OtelTarget,
  RedisTarget,
  Sample,
  Secrets,
  Sink,
  Target,
  TdengineTarget,
} from "../../src/data/port.ts";

/** A reading of 2023-11-14 22:13:20 UTC. */
export const aSample = (change: Partial<Sample> = {}): Sample => ({
  namespace: "default",
  device: "hall",
  property: "temperature",
  type: "FLOAT",
  text: "21.5",
  value: 21.5,
  atMs: 1_700_000_000_123,
  ...change,
});

const endpointOf = (port: number) => ({ isTls: false, host: "127.0.0.1", port });

export const httpTarget = (port = 8080, path = "/push"): HttpTarget => ({
  ...{ kind: "http", endpoint: endpointOf(port), path, timeoutMs: undefined },
});

export const influxdb2Target = (port = 8086, change: Partial<Influxdb2Target> = {}): Influxdb2Target => ({
  ...{ kind: "influxdb2", endpoint: endpointOf(port), basePath: "", org: "an org", bucket: "b&c" },
  ...{ measurement: "m", tags: { place: "hall" }, fieldKey: "value" },
  ...change,
});

export const secretsOf = (token: () => string | undefined): Secrets => ({
  read: (_kind, _endpoint, name) => Promise.resolve(name === "token" ? token() : undefined),
});

export const mqttTarget = (port: number, change: Partial<MqttTarget> = {}): MqttTarget => ({
  ...{ kind: "mqtt", endpoint: endpointOf(port), topic: "plant/hall", qos: 1, isRetained: false },
  ...change,
});

export const redisTarget = (port: number, change: Partial<RedisTarget> = {}): RedisTarget => ({
  ...{ kind: "redis", endpoint: endpointOf(port), db: 0 },
  ...change,
});

export const mysqlTarget = (port: number, change: Partial<MysqlTarget> = {}): MysqlTarget => ({
  ...{ kind: "mysql", endpoint: endpointOf(port), database: "plant", userName: "mapper" },
  ...change,
});

export const tdengineTarget = (port: number): TdengineTarget => ({
  ...{ kind: "tdengine", endpoint: endpointOf(port), database: "plant" },
});

export const otelTarget = (port: number, path = "/v1/metrics"): OtelTarget => ({
  ...{ kind: "otel", endpoint: endpointOf(port), path },
});

/** The same target with TLS, by address or name. */
export const withTls = <T extends Target>(target: T, host = "127.0.0.1"): T => ({
  ...target,
  endpoint: { ...target.endpoint, isTls: true, host },
});

/** Secrets by name, the same for every server. */
export const secretsNamed = (secrets: Readonly<Record<string, string>>): Secrets => ({
  read: (_kind, _endpoint, name) => Promise.resolve(secrets[name]),
});

/** One send of a sink's whole life. */
export async function sendOnce<T extends Target>(
  open: (target: T, secrets: Secrets) => Sink<T>,
  target: T,
  secrets: Secrets,
  ...samples: readonly Sample[]
): Promise<void> {
  const sink = open(target, secrets);
  try {
    await sink.send(
      samples.map((sample) => ({ sample, target })),
      AbortSignal.timeout(10_000),
    );
  } finally {
    sink.close();
  }
}
