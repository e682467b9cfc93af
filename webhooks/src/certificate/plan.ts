// SPDX-License-Identifier: Apache-2.0
import { covers, factsOf, type Facts, type Material } from "./material.ts";

/**
 * The next step with what the Secret holds.
 *
 * - `create`: nothing usable is there
 * - `stage`: a new CA is put beside the old one; both become trusted, nothing else changes
 * - `promote`: the new CA is trusted everywhere: its certificate is served from now on
 * - `renew`: a new serving certificate of the same CA
 * - `trust`: somebody else's CA replaced ours; what we still serve stays trusted for a while
 * - `retire`: nobody serves certificates of the older CAs any more
 */
export type Step = "create" | "stage" | "promote" | "renew" | "trust" | "retire" | "keep";

export interface Circumstances {
  readonly nowMs: number;
  /** Names and addresses that the webhook is called by. */
  readonly hosts: readonly string[];
  /** CAs that every webhook configuration has trusted for long enough. */
  isSettled(caPem: string): boolean;
  /** CA of the certificate that this replica serves now. */
  readonly servedCa: string | undefined;
  /** Somebody asked for a new CA. */
  readonly isRotationWanted: boolean;
  /** How long a replaced CA stays trusted. */
  readonly overlapMs: number;
}

/** One step at a time, each safe to be repeated or to be the last one. */
export function planStep(material: Material | undefined, now: Circumstances): Step {
  if (material === undefined || isOver(factsOf(material.ca.certificate), now)) return "create";
  return caStep(material, now) ?? servingStep(material, now) ?? trustStep(material, now);
}

function caStep({ ca, next }: Material, now: Circumstances): Step | undefined {
  if (next !== undefined && !needsRenewal(factsOf(next.ca.certificate), now)) {
    return now.isSettled(next.ca.certificate) ? "promote" : undefined;
  }
  const isDue = next !== undefined || now.isRotationWanted || needsRenewal(factsOf(ca.certificate), now);
  return isDue ? "stage" : undefined;
}

function servingStep({ serving, next }: Material, now: Circumstances): Step | undefined {
  const all = [serving, ...(next ? [next.serving] : [])];
  const isGood = all.every(
    ({ certificate }) =>
      !needsRenewal(factsOf(certificate), now) && now.hosts.every((host) => covers(certificate, host)),
  );
  return isGood ? undefined : "renew";
}

function trustStep({ ca, next, retired, retiredAtMs }: Material, now: Circumstances): Step {
  const trusted = [ca.certificate, next?.ca.certificate, ...retired];
  if (isForeign(now, trusted)) return "trust";
  return retired.length > 0 && now.nowMs >= retiredAtMs + now.overlapMs ? "retire" : "keep";
}

const isForeign = (now: Circumstances, trusted: readonly (string | undefined)[]): boolean =>
  now.servedCa !== undefined && !trusted.includes(now.servedCa) && !isOver(factsOf(now.servedCa), now);

const isOver = ({ notAfterMs }: Facts, { nowMs }: Circumstances): boolean => nowMs >= notAfterMs;

/** After two thirds of its life, which leaves a third for trouble. Also when it is not valid yet: a clock was wrong. */
const needsRenewal = ({ notBeforeMs, notAfterMs }: Facts, { nowMs }: Circumstances): boolean =>
  nowMs < notBeforeMs || nowMs >= notAfterMs - (notAfterMs - notBeforeMs) / 3;
