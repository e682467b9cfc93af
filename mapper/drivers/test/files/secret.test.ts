// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { isInside, readPasswordFile } from "../../src/files/index.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "secret-"));
  mkdirSync(join(dir, "secrets"));
  writeFileSync(join(dir, "outside"), "hidden");
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});
const read = (name: string) => readPasswordFile(join(dir, name), [join(dir, "secrets")]);

describe("a secret that a Device names", () => {
  it.each(["pass word", "pass word\n", "pass word\r\n"])(
    "is the file without its last newline: %j",
    async (content) => {
      writeFileSync(join(dir, "secrets/password"), content);
      expect(await read("secrets/password")).toBe("pass word");
    },
  );

  it("is found as a mounted Secret has it: behind links of the same folder", async () => {
    mkdirSync(join(dir, "secrets/..2026"));
    writeFileSync(join(dir, "secrets/..2026/password"), "x");
    symlinkSync("..2026", join(dir, "secrets/..data"));
    symlinkSync("..data/password", join(dir, "secrets/password"));
    expect(await read("secrets/password")).toBe("x");
  });

  it.each([
    { what: "another folder", path: "outside", code: "SECRET_OUTSIDE" },
    { what: "a way out", path: "secrets/../outside", code: "SECRET_OUTSIDE" },
    { what: "a link out", path: "secrets/link", code: "SECRET_OUTSIDE" },
    { what: "nothing", path: "secrets/none", code: "SECRET_UNREADABLE" },
    { what: "a folder", path: "secrets", code: "SECRET_UNREADABLE" },
    { what: "too much", path: "secrets/big", code: "SECRET_UNREADABLE" },
  ])("is not read from $what", async ({ path, code }) => {
    symlinkSync(join(dir, "outside"), join(dir, "secrets/link"));
    writeFileSync(join(dir, "secrets/big"), "x".repeat(70_000));
    await expect(read(path)).rejects.toMatchObject({ code });
    await expect(read(path)).rejects.not.toThrow(/hidden/);
  });
});

it.each([
  ["/a", "/a", true],
  ["/a", "/a/b/c", true],
  ["/a", "/ab", false],
  ["/a", "/", false],
  ["/a", "/a/../b", false],
  ["/a", "/a/..b", true],
  ["/", "/a", true],
  ["a", "a/b", false],
])("says whether %s has in it %s: %s", (folder, path, is) => {
  expect(isInside(folder, path)).toBe(is);
});
