// SPDX-License-Identifier: Apache-2.0
import type { HttpTarget, Influxdb2Target, Sample, Secrets } from "../../src/data/port.ts";

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
