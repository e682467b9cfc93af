// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplication, RenderedSpec } from "@longshore/crds/apps";
import { isDeepStrictEqual } from "node:util";
import type { Words } from "./port.ts";
import { forgetQuestion, type Question } from "./question.ts";
import type { Status } from "./state.ts";
import type { Drawn } from "./world.ts";

/** Where a rollout stands. */
export interface Standing {
  readonly status: Status | undefined;
  /** Revision of each target. */
  readonly running: ReadonlyMap<string, string>;
}

/** What is remembered of one application. Losing it costs some waiting, nothing else. */
export interface Remembered {
  given: Standing | undefined;
  /** Statuses that were replaced by newer ones: who reads one of them reads a cache that is behind. */
  readonly replaced: (Status | undefined)[];
  /** When hosts of a target were last moved; without it: when this was begun. */
  readonly movedMs: Map<string, number>;
  readonly begunMs: number;
  askedMs?: number;
  /** Revisions in use, as they were read. */
  specs: ReadonlyMap<string, RenderedSpec>;
  /** What they give their targets, by the names that the world gave it. */
  drawn: ReadonlyMap<string, Drawn>;
  pulled?: Words;
  /** What Prometheus was asked and has not answered yet. */
  question?: Question;
}

export interface Memory {
  of(uid: string, nowMs: number): Remembered;
  forget(uid: string): void;
}

const MAX_REPLACED = 16;

/** @param maxApplications the one that was not asked for the longest is forgotten */
export function createMemory(maxApplications: number): Memory {
  const entries = new Map<string, Remembered>();
  const drop = (uid: string): void => {
    const entry = entries.get(uid);
    if (entry !== undefined) forgetQuestion(entry);
    entries.delete(uid);
  };
  return {
    of(uid, nowMs) {
      const entry: Remembered = entries.get(uid) ?? {
        ...{
          given: undefined,
          replaced: [],
          movedMs: new Map<string, number>(),
          begunMs: nowMs,
          specs: new Map(),
          drawn: new Map(),
        },
      };
      entries.delete(uid);
      entries.set(uid, entry);
      const [oldest] = entries.keys();
      if (entries.size > maxApplications && oldest !== undefined) drop(oldest);
      return entry;
    },
    forget: drop,
  };
}

/** The newest that is known: the cache may not have our own last write yet. What others wrote counts. */
export function newest({ given, replaced }: Remembered, { status }: EdgeApplication): Standing {
  const cached = status?.rollout;
  if (given !== undefined && isOneOf(cached, [given.status, ...replaced])) return given;
  const targets = (status?.targets ?? []).flatMap(({ name, revision }): [string, string][] =>
    revision === undefined ? [] : [[name, revision]],
  );
  return { status: cached, running: new Map(targets) };
}

const isOneOf = (status: Status | undefined, many: readonly (Status | undefined)[]): boolean =>
  many.some((one) => isDeepStrictEqual(one, status));

/** The next status goes out in place of what was there. */
export function give(entry: Remembered, before: Status | undefined, next: Standing): void {
  entry.given = next;
  if (isDeepStrictEqual(before, next.status)) return;
  entry.replaced.push(before);
  if (entry.replaced.length > MAX_REPLACED) entry.replaced.shift();
}
