// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMapperTokens } from "../../src/dmi/index.ts";
import { fakeClock, fakeLog } from "../tunnel/fakes.ts";

function open(max = 8) {
  const folder = join(mkdtempSync(join(tmpdir(), "tokens-")), "made");
  const clock = fakeClock();
  const log = fakeLog();
  const tokens = openMapperTokens({ folder, max }, { clock, log });
  const fileOf = (name: string): string => join(folder, name);
  const tokenOf = (name: string): string => readFileSync(fileOf(name), "utf8").trim();
  return { folder, clock, log, tokens, fileOf, tokenOf };
}

describe("tokens of mappers", () => {
  it("B124 are made where only root reads them, and tell the mapper", () => {
    const { folder, tokens, fileOf, tokenOf } = open();
    expect(tokens.offer("modbus")).toBe(fileOf("modbus"));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(fileOf("modbus")).mode & 0o777).toBe(0o600);
    expect(tokenOf("modbus").length).toBeGreaterThan(40);
    expect(tokens.nameOf(tokenOf("modbus"))).toBe("modbus");
    expect(tokens.nameOf("something else")).toBeUndefined();
  });

  it("are not made anew where there is one", () => {
    const { tokens, tokenOf } = open();
    tokens.offer("modbus");
    const token = tokenOf("modbus");
    tokens.offer("modbus");
    expect(tokenOf("modbus")).toBe(token);
  });

  it("are made where a file was left empty, as by a full disk or a power cut", () => {
    const { folder, tokens, fileOf, tokenOf } = open();
    tokens.offer("modbus");
    writeFileSync(fileOf("opcua"), "");
    expect(tokens.offer("opcua")).toBe(fileOf("opcua"));
    expect(tokens.nameOf(tokenOf("opcua"))).toBe("opcua");
    expect(statSync(fileOf("opcua")).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(["modbus", "opcua"]);
  });

  it("count no more a second after their file went, and a new one counts then", () => {
    const { tokens, clock, fileOf, tokenOf } = open();
    tokens.offer("modbus");
    const token = tokenOf("modbus");
    expect(tokens.nameOf(token)).toBe("modbus");
    rmSync(fileOf("modbus"));
    writeFileSync(fileOf("opcua"), "a token that an administrator wrote\n");
    clock.advance(1_000);
    expect(tokens.nameOf(token)).toBeUndefined();
    expect(tokens.nameOf("a token that an administrator wrote")).toBe("opcua");
  });

  it.each(["../x", "", ".hidden", "a/b", "x".repeat(64)])("are not made for a mapper named %j", (name) => {
    expect(open().tokens.offer(name)).toBeUndefined();
  });

  it("are not made beyond the limit", () => {
    const { tokens } = open(2);
    expect(["a", "b", "c"].map((name) => tokens.offer(name) !== undefined)).toEqual([true, true, false]);
  });

  it("that are too short, or no file, are nobody's", () => {
    const { tokens, clock, fileOf } = open();
    tokens.offer("modbus");
    writeFileSync(fileOf("short"), "x\n");
    clock.advance(1_000);
    expect([tokens.nameOf("x"), tokens.nameOf("")]).toEqual([undefined, undefined]);
  });

  it("are nobody's, and the log says so once, where the folder cannot be used", () => {
    const folder = join(mkdtempSync(join(tmpdir(), "tokens-")), "file");
    writeFileSync(folder, "");
    chmodSync(folder, 0o600);
    const clock = fakeClock();
    const log = fakeLog();
    const tokens = openMapperTokens({ folder, max: 8 }, { clock, log });
    expect([tokens.offer("modbus"), tokens.nameOf("whatever it is")]).toEqual([undefined, undefined]);
    expect(log.lines).toHaveLength(1);
  });
});
