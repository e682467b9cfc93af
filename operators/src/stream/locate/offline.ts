// SPDX-License-Identifier: Apache-2.0

/** When a node last gave a sign of life, as far as the cluster knows. */
export type LastSeen = { readonly atMs: number } | "never" | "unknown";

/** Why nobody was found who has a node. */
export type Absence =
  | { readonly why: "nowhere" }
  /** Redis does not say which other hub has it. */
  | { readonly why: "directory" }
  /** These hubs may have it, and cannot be reached. */
  | { readonly why: "peers"; readonly hubs: readonly string[] };

/** What the person who asked reads. */
export function offlineText(node: string, absence: Absence, seen: LastSeen, nowMs: number): string {
  const when = lastSeenText(seen, nowMs);
  if (absence.why === "nowhere") return `node "${node}" is offline: ${when}`;
  const why =
    absence.why === "directory"
      ? "Redis, which knows what the other hubs have, does not answer"
      : `${absence.hubs.join(", ")} cannot be reached, which may have it`;
  return `this hub has no streams of node "${node}", and ${why}; ${when}`;
}

function lastSeenText(seen: LastSeen, nowMs: number): string {
  if (seen === "never") return "never seen";
  if (seen === "unknown") return "when it was last seen is not known";
  const at = new Date(seen.atMs).toISOString().replace(/\.\d+Z$/, "Z");
  return `last seen ${at}, ${agoText(nowMs - seen.atMs)} ago`;
}

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
] as const;

function agoText(agoMs: number): string {
  for (const [unitMs, unit] of UNITS) if (agoMs >= unitMs) return `${Math.floor(agoMs / unitMs)} ${unit}`;
  return `${Math.max(0, Math.floor(agoMs / 1000))} s`;
}

/** The fields of a Lease, and of a Node, that tell. */
export interface Signs {
  readonly renewTime?: string | undefined;
  readonly conditions?: readonly NodeCondition[] | undefined;
}

export interface NodeCondition {
  readonly type: string;
  readonly status: string;
  readonly lastHeartbeatTime?: string | null;
  readonly lastTransitionTime?: string | null;
}

/** The Lease is renewed often; the Ready condition is what there is without one. */
export function lastSeenOf({ renewTime, conditions }: Signs): LastSeen {
  const ready = conditions?.find(({ type }) => type === "Ready");
  // A condition that the cluster has set to Unknown keeps the node's last heartbeat, and has a transition of its own.
  const candidates = [renewTime, ready?.lastHeartbeatTime, ready?.lastTransitionTime];
  for (const text of candidates) {
    const atMs = Date.parse(text ?? "");
    if (!Number.isNaN(atMs)) return { atMs };
  }
  return "never";
}
