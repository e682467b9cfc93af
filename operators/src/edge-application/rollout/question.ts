// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Measured } from "./port.ts";

/** All checks of a batch, asked at once. It goes on when a step ends without its answer. */
export interface Question {
  /** What is asked, and for which batch. */
  readonly about: string;
  readonly end: AbortController;
  readonly asked: Promise<void>;
  /** When it came, too: an old answer says nothing of now. */
  answer?: { readonly measured: readonly Measured[]; readonly atMs: number };
}

export interface Asking {
  readonly about: string;
  readonly ask: (signal: AbortSignal) => Promise<readonly Measured[]>;
  readonly wallMs: () => number;
  /** A step waits no longer: Prometheus may be slow, and other applications wait for their turn. */
  readonly waitMs: number;
  /** An older answer is asked for anew. */
  readonly maxAgeMs: number;
}

/**
 * Asks, or takes the answer to what was asked before.
 *
 * @returns undefined while there is no answer; to be called again then
 */
export async function answered(
  holder: { question?: Question },
  asking: Asking,
  signal: AbortSignal,
): Promise<readonly Measured[] | undefined> {
  const question = current(holder, asking);
  const timer = new AbortController();
  const waited = AbortSignal.any([signal, timer.signal]);
  const late = sleep(asking.waitMs, undefined, { signal: waited }).catch(() => undefined);
  await Promise.race([question.asked, late]);
  timer.abort();
  if (signal.aborted) forgetQuestion(holder);
  signal.throwIfAborted();
  if (question.answer === undefined) return undefined;
  delete holder.question;
  return question.answer.measured;
}

function current(holder: { question?: Question }, asking: Asking): Question {
  const { question } = holder;
  const isFresh = (atMs: number): boolean => Math.abs(asking.wallMs() - atMs) <= asking.maxAgeMs;
  if (question?.about === asking.about && (question.answer === undefined || isFresh(question.answer.atMs)))
    return question;
  forgetQuestion(holder);
  const made = begin(asking);
  holder.question = made;
  return made;
}

function begin({ about, ask, wallMs }: Asking): Question {
  const end = new AbortController();
  const made: Question = {
    ...{ about, end },
    asked: ask(end.signal).then(
      (measured) => {
        made.answer = { measured, atMs: wallMs() };
      },
      (error: unknown) => {
        const words = error instanceof Error ? error.message : String(error);
        made.answer = { measured: [{ error: words }], atMs: wallMs() };
      },
    ),
  };
  return made;
}

/** Nobody wants the answer any more. */
export function forgetQuestion(holder: { question?: Question }): void {
  holder.question?.end.abort();
  delete holder.question;
}
