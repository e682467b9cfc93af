// SPDX-License-Identifier: Apache-2.0
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createNames, createOutputs, type Outputs } from "../../src/camera/folder.ts";
import { createGate } from "../../src/camera/gate.ts";

const NOW_MS = Date.parse("2026-01-02T03:04:05.678Z");
let dir = "";
let root = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "folder-"));
  root = join(dir, "case");
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const outputs = (limits = { maxFiles: 100, maxBytes: 1_000 }): Outputs =>
  createOutputs({ roots: [root], limits, nowMs: () => NOW_MS });

async function file(outputs: Outputs, content: string): Promise<void> {
  const folder = await outputs.open(root);
  await folder.budget.measure();
  const scratch = await folder.scratch();
  writeFileSync(join(scratch.path, "1.jpg"), content);
  await folder.publish(join(scratch.path, "1.jpg"), "jpg");
  await scratch.discard();
}

describe("the folders for pictures", () => {
  it.each(["/etc", "/", "case", tmpdir()])("are no place like %s", async (path) => {
    await expect(outputs().open(path)).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  });

  it("are no folder whose name only begins as theirs", async () => {
    await expect(outputs().open(`${root}-other`)).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  });

  it.each([
    { what: "below the allowed one", at: "case/door", from: "case/door/x" },
    { what: "in place of the allowed one", at: "case", from: "case" },
  ])("are not followed through a link $what", async ({ at, from }) => {
    mkdirSync(join(dir, "elsewhere"));
    if (at !== "case") mkdirSync(root);
    symlinkSync(join(dir, "elsewhere"), join(dir, at));
    await expect(outputs().open(join(dir, from))).rejects.toMatchObject({ code: "NOT_ALLOWED" });
    expect(readdirSync(join(dir, "elsewhere"))).toEqual([]);
  });

  it("are made where they are not there", async () => {
    await outputs().open(join(root, "a/b"));
    expect(readdirSync(join(root, "a"))).toEqual(["b"]);
  });

  it("hold no more files than allowed, and more again when some are gone", async () => {
    const few = outputs({ maxFiles: 2, maxBytes: 1_000 });
    await file(few, "1");
    await file(few, "2");
    await expect(file(few, "3")).rejects.toMatchObject({ code: "DISK_LIMIT" });
    expect(readdirSync(root).filter((name) => !name.startsWith("."))).toHaveLength(2);
    rmSync(join(root, readdirSync(root).find((name) => name.startsWith("f")) ?? ""));
    await file(few, "3");
    expect(readdirSync(root).filter((name) => name.startsWith("f"))).toHaveLength(2);
  });

  it("hold no more bytes than allowed, those in folders of theirs included", async () => {
    mkdirSync(join(root, "sub"), { recursive: true });
    writeFileSync(join(root, "sub/old"), "x".repeat(8));
    const small = outputs({ maxFiles: 100, maxBytes: 10 });
    await file(small, "12");
    await expect(file(small, "3")).rejects.toMatchObject({ code: "DISK_LIMIT" });
  });

  it("never lose a file to another of the same name", async () => {
    mkdirSync(root);
    writeFileSync(join(root, createNames(() => NOW_MS)("jpg")), "first");
    await file(outputs(), "second");
    const contents = readdirSync(root).map((name) => readFileSync(join(root, name), "utf8"));
    expect(contents.sort()).toEqual(["first", "second"]);
  });

  it("lose what a process that died left unfinished, and keep what one works at", async () => {
    for (const name of [".capture-old", ".capture-new"]) mkdirSync(join(root, name), { recursive: true });
    const longAgo = new Date(NOW_MS - 2 * 3_600_000);
    utimesSync(join(root, ".capture-old"), longAgo, longAgo);
    utimesSync(join(root, ".capture-new"), new Date(NOW_MS), new Date(NOW_MS));
    await outputs().open(root);
    expect(readdirSync(root)).toEqual([".capture-new"]);
  });
});

it("names files by time, one after the other, also when the clock goes back", () => {
  const times = [NOW_MS, NOW_MS, NOW_MS - 5_000, NOW_MS + 1];
  const name = createNames(() => times.shift() ?? 0);
  expect([name("jpg"), name("jpg"), name("mp4"), name("jpg")]).toEqual([
    "f2026-01-02T03:04:05.678000000Z.jpg",
    "f2026-01-02T03:04:05.678000001Z.jpg",
    "f2026-01-02T03:04:05.678000002Z.mp4",
    "f2026-01-02T03:04:05.679000000Z.jpg",
  ]);
});

describe("the gate before ffmpeg", () => {
  it("lets so many through at once, the others in their order, and takes back a place that was given up", async () => {
    const gate = createGate(1);
    const seen: string[] = [];
    let leave = (): void => undefined;
    const first = gate.through(
      () => new Promise<void>((resolve) => (leave = resolve)),
      new AbortController().signal,
    );
    const gone = new AbortController();
    const second = gate.through(() => Promise.resolve(seen.push("second")), gone.signal);
    const third = gate.through(() => Promise.resolve(seen.push("third")), new AbortController().signal);
    gone.abort();
    await expect(second).rejects.toThrow(/abort/);
    expect(seen).toEqual([]);
    leave();
    await Promise.all([first, third]);
    expect(seen).toEqual(["third"]);
  });
});
