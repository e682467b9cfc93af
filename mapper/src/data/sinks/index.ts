// SPDX-License-Identifier: Apache-2.0
import type { Secrets, Sink, Target } from "../port.ts";
import { createHttpSink } from "./http.ts";
import { createInfluxdb2Sink } from "./influxdb2.ts";
import { createMqttSink } from "./mqtt.ts";
import { createMysqlSink } from "./mysql.ts";
import { createOtelSink } from "./otel.ts";
import { createRedisSink } from "./redis.ts";
import { createTdengineSink } from "./tdengine.ts";

/** The sinks that exist, by the kind of their target. A library is loaded when a sink of its kind first sends. */
export const createSinkOpener =
  (secrets: Secrets) =>
  (target: Target): Sink | undefined => {
    switch (target.kind) {
      case "http":
        return createHttpSink(target, secrets);
      case "influxdb2":
        return createInfluxdb2Sink(target, secrets);
      case "mqtt":
        return createMqttSink(target, secrets);
      case "redis":
        return createRedisSink(target, secrets);
      case "mysql":
        return createMysqlSink(target, secrets);
      case "tdengine":
        return createTdengineSink(target, secrets);
      case "otel":
        return createOtelSink(target, secrets);
    }
  };
