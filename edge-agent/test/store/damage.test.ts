// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StoredObject } from "../../src/store/index.ts";
import { thrown } from "../tunnel/fakes.ts";
import { configMap, open, put, temporaryDirectory } from "./gen.ts";

const BIG = "x".repeat(1500);
const filler = (i: number): StoredObject => configMap(`cm-${i}`, String(i + 1), { value: { data: { BIG } } });

async function filled(count: number): Promise<string> {
  const directory = temporaryDirectory();
  const store = open(directory);
  await Promise.all(Array.from({ length: count }, (_, i) => store.desired.apply(put(filler(i)))));
  store.close();
  return directory;
}

function edit(directory: string, sql: string): void {
  const db = new DatabaseSync(join(directory, "agent.db"));
  db.exec(sql);
  db.close();
}

describe("a damaged store", () => {
  it("S39 in part: drops a row whose value was edited offline, counts it, and takes the object again", async () => {
    const directory = await filled(3);
    edit(
      directory,
      `UPDATE objects SET value = '{"data":{"image":"evil"}}' WHERE key = 'configmap/default/cm-1'`,
    );
    const store = open(directory);
    expect(store.desired.get("configmap/default/cm-1")).toBeUndefined();
    expect(store.desired.inventory()).toHaveLength(2);
    expect(store.damage).toEqual(["row"]);
    expect(store.lines).toHaveLength(1);
    expect(store.lines[0]).not.toContain("evil");
    await expect(store.desired.apply(put(filler(1)))).resolves.toBe("applied");
    store.close();
    const again = open(directory);
    expect(again.damage).toEqual([]);
    expect(again.desired.inventory()).toHaveLength(3);
    again.close();
  });

  it("R25 in part: never serves a wrong object after 200 bit flips, and always starts", async () => {
    const directory = await filled(40);
    const path = join(directory, "agent.db");
    const pristine = readFileSync(path);
    let found = 0;
    for (let flip = 0; flip < 200; flip++) {
      const copy = Buffer.from(pristine);
      const at = createHash("sha256").update(`flip ${flip}`).digest().readUInt32BE() % copy.length;
      copy[at] = (copy[at] ?? 0) ^ (1 << (flip % 8));
      writeFileSync(path, copy);
      const store = open(directory);
      if (store.damage.length > 0) found++;
      for (const object of store.desired.list("configmap")) {
        expect(object).toEqual(filler(Number(object.name.slice(3))));
      }
      store.close();
    }
    expect(found).toBeGreaterThan(60); // the rest hit free space
  }, 60_000);

  it.each([
    { what: "truncated", damage: (path: string) => truncateSync(path, 5000) },
    {
      what: "no database",
      damage: (path: string) => writeFileSync(path, "this is no database at all".repeat(400)),
    },
    {
      what: "without its sentinel",
      damage: (path: string) => new DatabaseSync(path).exec("DELETE FROM sentinel"),
    },
  ])("R25 in part: sets a file aside that is $what and starts empty", async ({ damage }) => {
    const directory = await filled(20);
    damage(join(directory, "agent.db"));
    const store = open(directory);
    expect(store.damage).toEqual(["file"]);
    expect(store.desired.inventory()).toEqual([]);
    await expect(store.desired.apply(put(filler(1)))).resolves.toBe("applied");
    store.close();
    expect(readdirSync(directory).filter((name) => /damaged-\d+$/.test(name))).toHaveLength(1);
  });

  it("R25 in part: starts with an empty file", async () => {
    const directory = await filled(2);
    writeFileSync(join(directory, "agent.db"), "");
    const store = open(directory);
    expect(store.desired.inventory()).toEqual([]);
    store.close();
    expect(existsSync(join(directory, "agent.db"))).toBe(true);
  });

  it("R25 in part: starts with a lost write-ahead log, serves nothing wrong, and takes the objects again", async () => {
    const running = await filled(5);
    const store = open(running);
    await Promise.all(Array.from({ length: 20 }, (_, i) => store.desired.apply(put(filler(i)))));
    const directory = temporaryDirectory();
    copyFileSync(join(running, "agent.db"), join(directory, "agent.db")); // and not agent.db-wal
    expect(existsSync(join(running, "agent.db-wal"))).toBe(true);
    store.close();
    const again = open(directory);
    const kept = again.desired.list("configmap");
    expect(kept.length).toBeLessThan(20);
    for (const object of kept) expect(object).toEqual(filler(Number(object.name.slice(3))));
    await Promise.all(Array.from({ length: 20 }, (_, i) => again.desired.apply(put(filler(i)))));
    expect(again.desired.inventory()).toHaveLength(20);
    again.close();
  });

  it("R25 in part: keeps the two newest of the files set aside", () => {
    const directory = temporaryDirectory();
    for (let i = 0; i < 4; i++) {
      writeFileSync(join(directory, "agent.db"), "garbage ".repeat(1000));
      const clock = {
        nowMs: () => Date.UTC(2026, 0, 1 + i),
        monotonicMs: () => 0,
        schedule: () => () => undefined,
      };
      open(directory, { clock }).close();
    }
    const kept = readdirSync(directory).filter((name) => /damaged-\d+$/.test(name));
    expect(kept.sort().map((name) => name.slice(-17, -9))).toEqual(["20260103", "20260104"]);
  });

  it("B163 refuses a newer schema and leaves the file as it is", async () => {
    const directory = await filled(2);
    edit(directory, "PRAGMA user_version = 999");
    const before = readFileSync(join(directory, "agent.db"));
    expect(thrown(() => open(directory))).toMatchObject({ code: "NEWER_SCHEMA" });
    expect(readFileSync(join(directory, "agent.db")).equals(before)).toBe(true);
  });

  it("R25 in part: goes on from memory when the file is damaged while it runs", async () => {
    const directory = await filled(40);
    const store = open(directory);
    const file = openSync(join(directory, "agent.db"), "r+");
    for (let page = 0; page < 12; page++) writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, page * 4096);
    closeSync(file);
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => store.desired.apply(put(configMap(`cm-${i}`, "1000")))),
    );
    const stored = results.flatMap((result, i) => (result.status === "fulfilled" ? [`cm-${i}`] : []));
    store.close();
    const again = open(directory);
    for (const name of stored)
      expect(again.desired.get(`configmap/default/${name}`)?.resourceVersion).toBe("1000");
    again.close();
  });
});

describe("a full disk", () => {
  it("R26 in part: refuses what it cannot store, keeps what it has, and goes on when there is room", async () => {
    const directory = temporaryDirectory();
    const store = open(directory, { maxFileBytes: 160 * 1024 });
    const results = await Promise.allSettled(
      Array.from({ length: 150 }, (_, i) => store.desired.apply(put(filler(i)))),
    );
    const stored = results.flatMap((result, i) => (result.status === "fulfilled" ? [i] : []));
    expect(stored.length).toBeGreaterThan(20);
    expect(stored.length).toBeLessThan(150);
    expect(new Set(store.errors)).toEqual(new Set(["FULL"]));
    const [first = 0, second = 0] = stored;
    for (const i of [first, second])
      await store.desired.apply({ op: "delete", key: filler(i).key, uid: "uid-1" });
    await expect(store.desired.apply(put(filler(first)))).resolves.toBe("applied");
    store.close();
    const again = open(directory, { maxFileBytes: 160 * 1024 });
    expect(again.desired.inventory()).toHaveLength(stored.length - 1);
    again.close();
  });

  it("R26 in part: does not lose the neighbours of a write that does not fit", async () => {
    const store = open(temporaryDirectory(), { maxFileBytes: 160 * 1024 });
    const huge = configMap("huge", "1", { value: { data: "y".repeat(400_000) } });
    const results = await Promise.allSettled(
      [put(filler(1)), put(huge), put(filler(2))].map((c) => store.desired.apply(c)),
    );
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(store.desired.inventory()).toHaveLength(2);
    store.close();
  });
});
