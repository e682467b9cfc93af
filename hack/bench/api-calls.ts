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

/** Writes since the API server started, by resource and subresource, such as `imageprepulljobs/status`. */
export function writesByResource(metrics: string): ReadonlyMap<string, number> {
  const writes = new Map<string, number>();
  for (const [, labels = "", value = "0"] of metrics.matchAll(LINE)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? "";
    if (label("resource") === "" || !WRITES.has(label("verb"))) continue;
    const subresource = label("subresource");
    const name = `${label("resource")}${subresource === "" ? "" : `/${subresource}`}`;
    writes.set(name, (writes.get(name) ?? 0) + Number(value));
  }
  return writes;
}

/** `rest_client_requests_total{code="200",method="PATCH",host="…"} 12`, of a process of ours */
const CLIENT_LINE = /^rest_client_requests_total\{([^}]*)\} (\S+)$/gm;

/** Calls by which a process wrote since it started; a Lease, which it updates all the time, is not counted. */
export function clientWrites(metrics: string): number {
  const lines = [...metrics.matchAll(CLIENT_LINE)];
  const writes = lines.filter(([, labels = ""]) => /method="(POST|PATCH|DELETE)"/.test(labels));
  return writes.reduce((sum, [, , value = "0"]) => sum + Number(value), 0);
}

export const minus = (a: ApiCalls, b: ApiCalls): ApiCalls => ({
  writes: a.writes - b.writes,
  reads: a.reads - b.reads,
});
