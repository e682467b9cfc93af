// SPDX-License-Identifier: Apache-2.0
// Who is next on a line that carries one request at a time. Pure.

export interface Waiting {
  readonly unit: number;
  readonly sinceMs: number;
}

/** Slaves whose last request got no answer, and until when each is left alone. */
export type Silent = ReadonlyMap<number, { readonly untilMs: number }>;

export interface LineState {
  readonly silent: Silent;
  /** When the last request to a silent slave ended; -Infinity when there was none. */
  readonly lastSilentMs: number;
}

export type Turn<W extends Waiting> =
  | { readonly kind: "go"; readonly next: W }
  | { readonly kind: "later"; readonly atMs: number }
  | { readonly kind: "idle" };

/**
 * First come, first served, with two exceptions for slaves that do not answer. One is left alone for a while after its
 * timeout, so that a late answer is not taken for the next one. And whoever has waited through a silent slave's
 * timeout goes before another silent one: nobody who answers waits for more than one timeout of others.
 *
 * @param waiting oldest first
 */
export function nextTurn<W extends Waiting>(
  waiting: readonly W[],
  { silent, lastSilentMs }: LineState,
  nowMs: number,
): Turn<W> {
  if (waiting.length === 0) return { kind: "idle" };
  const answering = waiting.find(({ unit }) => !silent.has(unit));
  if (answering && answering.sinceMs <= lastSilentMs) return { kind: "go", next: answering };
  const first = waiting.find(({ unit }) => (silent.get(unit)?.untilMs ?? nowMs) <= nowMs);
  if (first) return { kind: "go", next: first };
  return { kind: "later", atMs: Math.min(...waiting.map(({ unit }) => silent.get(unit)?.untilMs ?? nowMs)) };
}
