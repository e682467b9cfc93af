// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  isMade,
  performUndo,
  pointTo,
  schemaOfFile,
  sha256,
  systemDisk,
  type Trial,
  type Undo,
} from "../../src/trial/index.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "undo-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const parts = () => ({ disk: systemDisk, agentDir: dir, schemaOf: schemaOfFile });
const at = (name: string): string => join(dir, name);
const sumOf = (name: string): string => sha256(readFileSync(at(name)));
const madeBy = (undo: Undo): boolean => isMade(parts(), { undo: [undo] } as unknown as Trial);

describe("taking a change back", () => {
  it("gives a file its bytes back, once and again, and leaves its mode", () => {
    writeFileSync(at("config"), "changed", { mode: 0o640 });
    writeFileSync(at("backup"), "as it\r\nwas\n");
    const undo: Undo = { do: "file", path: at("config"), backup: at("backup"), sha256: sumOf("backup") };
    expect(madeBy(undo)).toBe(true);
    performUndo(parts(), undo);
    performUndo(parts(), undo);
    expect(readFileSync(at("config"), "utf8")).toBe("as it\r\nwas\n");
    expect(statSync(at("config")).mode & 0o777).toBe(0o640);
    expect(madeBy(undo)).toBe(false);
  });

  it("does not take bytes that are not those of the backup", () => {
    writeFileSync(at("config"), "changed");
    writeFileSync(at("backup"), "somebody was here");
    const undo: Undo = { do: "file", path: at("config"), backup: at("backup"), sha256: "0".repeat(64) };
    expect(() => performUndo(parts(), undo)).toThrow(/was changed/);
    expect(readFileSync(at("config"), "utf8")).toBe("changed");
  });

  it("points to the slot of before, and never to one that holds no agent", () => {
    pointTo(systemDisk, dir, "b");
    const undo: Undo = { do: "slot", slot: "a" };
    expect(() => performUndo(parts(), undo)).toThrow("slot a holds no agent to go back to");
    expect(readlinkSync(at("current"))).toBe("slots/b");
    mkdirSync(at("slots/a"), { recursive: true });
    writeFileSync(at("slots/a/edge-agent.js"), "1");
    writeFileSync(at("slots/a/manifest.json"), '{"version":"v1.0.0","digest":""}');
    performUndo(parts(), undo);
    expect(readlinkSync(at("current"))).toBe("slots/a");
  });

  describe("of a store", () => {
    const open = (): DatabaseSync => {
      const db = new DatabaseSync(at("agent.db"));
      db.exec("PRAGMA journal_mode = WAL");
      return db;
    };
    const undo = (schema: number): Undo => {
      const { path, backup } = { path: at("agent.db"), backup: at("backup.db") };
      return { do: "store", path, backup, sha256: sumOf("backup.db"), schema };
    };
    beforeEach(() => {
      const db = open();
      db.exec(`PRAGMA user_version = 1; CREATE TABLE t (x); INSERT INTO t VALUES ('old')`);
      db.exec(`VACUUM INTO '${at("backup.db")}'`);
      db.exec(`UPDATE t SET x = 'newer'`);
      db.close();
    });
    const content = (): unknown => {
      const db = open();
      const row = db.prepare("SELECT x FROM t").get();
      db.close();
      return row?.["x"];
    };

    it("keeps what the agent of before can read", () => {
      performUndo(parts(), undo(1));
      expect(content()).toBe("newer");
    });

    it("brings the backup back where the schema is newer, also when that stands in the journal alone", () => {
      const db = open();
      db.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 2");
      // A copy of the three files while they are open is what a kill leaves.
      const files = ["agent.db", "agent.db-wal"].map((name) => [name, readFileSync(at(name))] as const);
      db.close();
      for (const [name, bytes] of files) writeFileSync(at(name), bytes);
      performUndo(parts(), undo(1));
      expect(existsSync(at("agent.db-wal"))).toBe(false);
      expect(schemaOfFile(at("agent.db"))).toBe(1);
      expect(content()).toBe("old");
    });

    it("takes no backup of another time that lies beside it", () => {
      writeFileSync(at("agent.db.restore"), "of an upgrade that somebody ended by hand");
      performUndo(parts(), undo(1));
      expect(content()).toBe("newer");
    });

    it("R35 brings the backup back where the newer agent left no database, and never fails for ever", () => {
      writeFileSync(at("agent.db"), "x".repeat(8_192));
      performUndo(parts(), undo(1));
      expect(content()).toBe("old");
    });

    it("goes on where a cut left the backup beside a database without its journal", () => {
      writeFileSync(at("agent.db.restore"), readFileSync(at("backup.db")));
      writeFileSync(at("agent.db"), "half a checkpoint");
      performUndo(parts(), undo(1));
      expect(content()).toBe("old");
      expect(existsSync(at("agent.db.restore"))).toBe(false);
    });
  });
});
