// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { LedgerRecord } from "../../src/delivery/ledger.ts";
import { doubtful } from "../../src/object-sync/doubt.ts";
import { entry } from "./builders.ts";

const recorded = (name: string, version: string, uid?: string): LedgerRecord => entry(name, version, uid);
const told = (objects: readonly LedgerRecord[]): string[] =>
  objects.map(({ name, uid, resourceVersion }) => `${name} ${uid}@${resourceVersion}`);

describe("what is in doubt when Redis came back as it was a while ago", () => {
  it.each([
    { what: "nothing that both tell", entries: [entry("a", "5")], records: [recorded("a", "5")], want: [] },
    { what: "what only Redis tells", entries: [entry("a", "5")], records: [], want: ["a uid-a@5"] },
    { what: "what only the records tell", entries: [], records: [recorded("a", "5")], want: ["a uid-a@5"] },
    {
      what: "what both tell differently, in its newer version",
      entries: [entry("a", "9"), entry("b", "12")],
      records: [recorded("a", "10"), recorded("b", "11")],
      want: ["a uid-a@10", "b uid-b@12"],
    },
    {
      what: "a name whose object is another one by now",
      entries: [entry("a", "5", "old")],
      records: [recorded("a", "7", "new")],
      want: ["a new@7"],
    },
    {
      what: "nothing of a name that is recorded twice, and acked in the newer version",
      entries: [entry("a", "7", "new")],
      records: [recorded("a", "7", "new"), recorded("a", "5", "old")],
      want: [],
    },
    {
      what: "nothing that records never restore",
      entries: [{ ...entry("a", "5"), kind: "node", namespace: "" }],
      records: [],
      want: [],
    },
  ])("is $what", ({ entries, records, want }) => {
    expect(told(doubtful(entries, records))).toEqual(want);
  });
});
