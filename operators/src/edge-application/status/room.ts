// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationTarget, EdgeApplicationWorkloadStatus } from "@longshore/crds/apps";
import { cut } from "./conditions.ts";

/**
 * etcd stores 1.5 MiB of one object, of which the spec and the annotations need their part: a status that is larger
 * could not be stored at all, and nothing would be told.
 */
const MAX_ENTRY_CHARS = 640 * 1024;
/** Keys, quotes and numbers of an entry beside its texts; generous. */
const FRAME_CHARS = 140;
/** Long messages that there is room for, and short ones after them. */
const LONG_MESSAGES = 50;
const MESSAGES = 500;
const SHORT_CHARS = 120;
const TARGET_MESSAGES = 200;

type Entry = EdgeApplicationWorkloadStatus;

/** Shortens messages, then leaves them out; then leaves out entries of what is available, then any. */
export function fitEntries(entries: readonly Entry[]): Entry[] {
  const shortened = shorten(entries);
  if (total(shortened) <= MAX_ENTRY_CHARS) return shortened;
  const isGood = ({ conditions }: Entry): boolean => conditions === "Available";
  const urgent = [...shortened.filter((each) => !isGood(each)), ...shortened.filter(isGood)];
  const kept = new Set<Entry>();
  let left = MAX_ENTRY_CHARS;
  for (const entry of urgent) {
    left -= charsOf(entry);
    if (left < 0) break;
    kept.add(entry);
  }
  return shortened.filter((entry) => kept.has(entry));
}

/** The first targets say why they do not work; it is mostly the same with the others. */
export function fitTargets(targets: readonly EdgeApplicationTarget[]): EdgeApplicationTarget[] {
  let messages = 0;
  return targets.map((target) => {
    if (target.message === undefined || messages++ < TARGET_MESSAGES) return target;
    return silent(target);
  });
}

function shorten(entries: readonly Entry[]): Entry[] {
  let messages = 0;
  return entries.map((entry) => {
    if (entry.message === undefined || messages++ < LONG_MESSAGES) return entry;
    if (messages <= MESSAGES) return { ...entry, message: cut(entry.message, SHORT_CHARS) };
    return silent(entry);
  });
}

function silent<T extends { message?: string }>(one: T): T {
  const copy = { ...one };
  delete copy.message;
  return copy;
}

const total = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + charsOf(entry), 0);

function charsOf({ identifier, message = "" }: Entry): number {
  const { group = "", version = "", kind = "", resource = "", namespace = "", name = "" } = identifier;
  const texts = [group, version, kind, resource, namespace, name, message];
  return texts.reduce((sum, text) => sum + text.length, FRAME_CHARS);
}
