// SPDX-License-Identifier: Apache-2.0
import type { StreamErrorCode, StreamRequest } from "@longshore/crds/stream";
import { Counter, Gauge, type Registry } from "prom-client";

/** What the streams of a node count. */
export interface StreamMetrics {
  opened(verb: StreamRequest["verb"], result: "ok" | StreamErrorCode): void;
  live(count: number): void;
  /** A log that was not read whole: a line in no format, or files that were removed before they were read. */
  logFault(fault: "malformed" | "gap"): void;
}

/** Names are API. */
export function createStreamMetrics(registry: Registry): StreamMetrics {
  const registers = [registry];
  const opens = new Counter({
    name: "longshore_edge_stream_opens_total",
    help: "Streams that were asked for, by verb and result",
    labelNames: ["verb", "result"],
    registers,
  });
  const live = new Gauge({ name: "longshore_edge_streams", help: "Streams that are open", registers });
  const logFaults = new Counter({
    name: "longshore_edge_log_faults_total",
    help: "Lines of container logs left out because they are malformed, and files removed while they were followed",
    labelNames: ["fault"],
    registers,
  });
  return {
    logFault: (fault) => logFaults.inc({ fault }),
    opened: (verb, result) => opens.inc({ verb, result }),
    live: (count) => live.set(count),
  };
}
