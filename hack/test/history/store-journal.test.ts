// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beginJournal } from "../../e2e/history/store-journal.ts";

describe("the journal of a store", () => {
  let dir: string;
  let path: string;
  let agent: DatabaseSync;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "longshore-journal-"));
    path = join(dir, "edgecore.db");
    agent = new DatabaseSync(path);
    agent.exec("PRAGMA journal_mode = WAL; PRAGMA trusted_schema = OFF");
    agent.exec(
      "CREATE TABLE objects (key TEXT PRIMARY KEY, uid TEXT, rv TEXT, epoch TEXT, value TEXT) STRICT",
    );
  });
  afterEach(() => {
    agent.close();
    rmSync(dir, { recursive: true });
  });

  const put = (uid: string, rv: string): unknown =>
    agent
      .prepare("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)")
      .run("pod/ns/a", uid, rv, "3", JSON.stringify({ metadata: { name: "a", resourceVersion: rv } }));

  it("has each committed change once, in order, also one that is over before anybody looks", () => {
    const journal = beginJournal(path);
    put("u", "1");
    put("u", "2");
    agent.exec("BEGIN");
    put("u", "9");
    agent.exec("ROLLBACK");
    agent.exec("DELETE FROM objects");
    put("v", "5");
    expect(journal.changes().map(({ op, uid, rv, epoch }) => [op, uid, rv, epoch])).toEqual([
      ["put", "u", "1", 3],
      ["put", "u", "2", 3],
      ["delete", "u", "2", 3],
      ["put", "v", "5", 3],
    ]);
    expect(journal.objects()).toEqual(
      new Map([["pod/ns/a", { uid: "v", content: { metadata: { name: "a" } } }]]),
    );
  });

  it("says so when the store was replaced, and leaves nothing behind", () => {
    const journal = beginJournal(path);
    journal.end();
    expect(() => journal.changes()).toThrow("e2e_journal");
    expect(agent.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name LIKE 'e2e%'").get()).toEqual({
      n: 0,
    });
  });
});
