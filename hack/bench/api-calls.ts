// SPDX-License-Identifier: Apache-2.0

/** Calls that the API server answered since it started. */
export interface ApiCalls {
  readonly writes: number;
  /** GET and LIST; a watch is one long call and is not counted. */
  readonly reads: number;
}

const WRITES = new Set(["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"]);
const READS = new Set(["GET", "LIST"]);
/** `apiserver_request_total{…,resource="pods",…,verb="GET",…} 12`; what is no resource (metrics, health) has "" there. */
const LINE = /^apiserver_request_total\{([^}]*)\} (\S+)$/gm;

/** Sums `apiserver_request_total` over resources. */
export function apiCalls(metrics: string): ApiCalls {
  let writes = 0;
  let reads = 0;
  for (const [, labels = "", value = "0"] of metrics.matchAll(LINE)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? "";
    if (label("resource") === "") continue;
    if (WRITES.has(label("verb"))) writes += Number(value);
    if (READS.has(label("verb"))) reads += Number(value);
  }
  return { writes, reads };
}

/** Calls that wrote a DeviceStatus since the API server started. */
export function deviceWrites(metrics: string): number {
  const lines = metrics.split("\n").filter((line) => line.includes('resource="devicestatuses"'));
  return apiCalls(lines.join("\n")).writes;
}

const OF_GROUPS = ["nodes", "nodegroups", "events", "pods"].map((resource) => `resource="${resource}"`);

/** Calls that wrote Nodes, their groups, pods or events since the API server started. */
export function groupWrites(metrics: string): number {
  const lines = metrics.split("\n").filter((line) => OF_GROUPS.some((resource) => line.includes(resource)));
  return apiCalls(lines.join("\n")).writes;
}

export const minus = (a: ApiCalls, b: ApiCalls): ApiCalls => ({
  writes: a.writes - b.writes,
  reads: a.reads - b.reads,
});
