// SPDX-License-Identifier: Apache-2.0

/** A pod went up (it runs, and is reported next) or down (told to end, or gone). */
export interface JournalEntry {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly node: string;
  /** namespace/name */
  readonly pod: string;
  /** Of its first container. */
  readonly image: string;
  readonly what: "up" | "down";
}

export interface Journal {
  note(entry: Omit<JournalEntry, "time">): void;
  /** In the order in which it happened. */
  entries(): readonly JournalEntry[];
}

const MAX_ENTRIES = 100_000;

export function createJournal(): Journal {
  const entries: JournalEntry[] = [];
  return {
    note(entry) {
      if (entries.length >= MAX_ENTRIES) throw new Error("pods of the fleet go up and down without end");
      entries.push({ time: Date.now(), ...entry });
    },
    entries: () => [...entries],
  };
}
