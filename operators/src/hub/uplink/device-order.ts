// SPDX-License-Identifier: Apache-2.0
import type { DeviceReport, PropertyReport, ReportedValue } from "./device-report.ts";

/**
 * A time that lies further ahead of the sender's clock was told by a clock that was wrong, and holds nobody off: a
 * mapper whose clock was set back is believed again after this long at most.
 */
export const MAX_AHEAD_MS = 60_000;

/** Whether a value came late: it is older than what is held, by times that can be believed. */
export function isStale(heldMs: number | undefined, given: ReportedValue, nowMs: number): boolean {
  const { timestampMs, sentAtMs = nowMs } = given;
  if (heldMs === undefined || !Number.isSafeInteger(heldMs) || timestampMs === undefined) return false;
  return timestampMs < heldMs && heldMs <= sentAtMs + MAX_AHEAD_MS;
}

/** Two reports of one device as one: of each part the newer; `next` came after `first`. */
export function newestOf(
  first: DeviceReport,
  next: DeviceReport,
  { nowMs, maxProperties }: { readonly nowMs: number; readonly maxProperties: number },
): DeviceReport {
  const properties = new Map(first.properties);
  let tooMany = 0;
  for (const [name, property] of next.properties) {
    const held = properties.get(name);
    if (held !== undefined) properties.set(name, newerProperty(held, property, nowMs));
    else if (properties.size < maxProperties) properties.set(name, property);
    else tooMany += 1;
  }
  const skipped = sumOf(sumOf(first.skipped, next.skipped), tooMany > 0 ? { too_many: tooMany } : {});
  const life = next.life === undefined ? first.life : { ...next.life, ...seenLast(first, next) };
  return { properties, ...(life !== undefined && { life }), skipped };
}

function newerProperty(held: PropertyReport, given: PropertyReport, nowMs: number): PropertyReport {
  const pick = (part: keyof PropertyReport): ReportedValue | undefined => {
    const { [part]: before } = held;
    const { [part]: now } = given;
    if (before === undefined || now === undefined) return now ?? before;
    return isStale(before.timestampMs, now, nowMs) ? before : now;
  };
  const reported = pick("reported");
  const observedDesired = pick("observedDesired");
  return { ...(reported && { reported }), ...(observedDesired && { observedDesired }) };
}

function seenLast(first: DeviceReport, next: DeviceReport): { lastOnlineTime?: string } {
  const seen = laterTime(first.life?.lastOnlineTime, next.life?.lastOnlineTime);
  return seen === undefined ? {} : { lastOnlineTime: seen };
}

/** The later of two times in RFC 3339. */
export function laterTime(known: string | undefined, given: string | undefined): string | undefined {
  if (known === undefined || given === undefined) return given ?? known;
  return Date.parse(given) < Date.parse(known) ? known : given;
}

function sumOf(a: DeviceReport["skipped"], b: DeviceReport["skipped"]): DeviceReport["skipped"] {
  const sum: Record<string, number> = { ...a };
  for (const [reason, times] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + times;
  return sum;
}

/** About how much memory a report takes, in characters. */
export function charsOf({ properties, life }: DeviceReport): number {
  let chars = 256 + (life?.message?.length ?? 0);
  for (const [name, { reported, observedDesired }] of properties)
    chars += 64 + name.length + (reported?.value.length ?? 0) + (observedDesired?.value.length ?? 0);
  return chars;
}
