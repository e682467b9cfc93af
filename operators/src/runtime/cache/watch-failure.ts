// SPDX-License-Identifier: Apache-2.0
import { ApiError, isExpired } from "../errors.ts";

type WatchSymptom = "stalled" | "short" | "disordered";
const SYMPTOMS: Readonly<Record<WatchSymptom, string>> = {
  stalled: "no event and no bookmark came",
  short: "the watch ended at once",
  disordered: "an event was older than the one before it",
};

/** A watch that did not do what a watch does, although no call failed. */
export class WatchFailure extends Error {
  override readonly name = "WatchFailure";
  readonly reason: WatchSymptom;
  constructor(reason: WatchSymptom) {
    super(SYMPTOMS[reason]);
    this.reason = reason;
  }
}

const SAYS_NOTHING: ReadonlySet<number> = new Set([0, 429, 503]);

/** A broken connection or a server that is busy or starting says nothing about the position; any other failure may. */
export function mustRelist(error: unknown): boolean {
  if (error instanceof WatchFailure) return error.reason === "disordered";
  return !(error instanceof ApiError && SAYS_NOTHING.has(error.code));
}

/** Why a list or a watch failed. */
export type WatchFailureReason = "expired" | "disconnected" | "refused" | "broken" | WatchSymptom;

/** Label of the counter of failures. */
export function reasonOf(error: unknown): WatchFailureReason {
  if (error instanceof WatchFailure) return error.reason;
  if (isExpired(error)) return "expired";
  if (error instanceof ApiError) return error.code === 0 ? "disconnected" : "refused";
  return "broken";
}
