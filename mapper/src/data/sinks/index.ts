// SPDX-License-Identifier: Apache-2.0
import type { Secrets, Sink, Target } from "../port.ts";
import { createHttpSink } from "./http.ts";
import { createInfluxdb2Sink } from "./influxdb2.ts";

/** The sinks that exist, by the kind of their target. */
export const createSinkOpener =
  (secrets: Secrets) =>
  (target: Target): Sink | undefined => {
    switch (target.kind) {
      case "http":
        return createHttpSink(target, secrets);
      case "influxdb2":
        return createInfluxdb2Sink(target, secrets);
      default:
        return undefined;
    }
  };
