// SPDX-License-Identifier: Apache-2.0

/** What the API server fills in, and what KubeEdge's Go types leave out: one and the same. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  concurrency: 1,
  timeoutSeconds: 300,
  failureTolerate: "0.1",
};

/**
 * Whether two specs of a job ask for the same. A client that does not know a default, or writes `[]` for nothing,
 * changes nothing.
 */
export function isSameJob(before: unknown, after: unknown): boolean {
  return JSON.stringify(plain(before, "")) === JSON.stringify(plain(after, ""));
}

function plain(value: unknown, name: string): unknown {
  if (isNothing(value)) return DEFAULTS[name];
  if (Array.isArray(value)) return (value as unknown[]).map((each) => plain(each, ""));
  if (typeof value !== "object") return value;
  const fields = Object.entries(value as object);
  for (const missing of Object.keys(DEFAULTS)) if (!(missing in (value as object))) fields.push([missing, 0]);
  const kept = fields.map(([key, each]) => [key, plain(each, key)] as const);
  return Object.fromEntries(
    kept.filter(([, each]) => each !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Zero values of Go; a selector that selects all is something. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === 0 ||
  value === "" ||
  value === false ||
  (Array.isArray(value) && value.length === 0);
