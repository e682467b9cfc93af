// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import { decodeFrame, encodeFrame, formatResource, parseResource } from "../../src/wire/index.ts";

interface Line {
  readonly msg?: { readonly route: { readonly resource?: string } };
}
const folder = new URL("../golden/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl") && !name.startsWith("dmi_"));
const linesOf = (file: string): Line[] =>
  readFileSync(new URL(file, folder), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
const all = files.flatMap((file) =>
  linesOf(file).flatMap(({ msg }) => (msg === undefined ? [] : [{ file, msg }])),
);

describe("frames recorded from the real binaries", () => {
  it("are there", () => {
    expect(files.length).toBeGreaterThanOrEqual(14);
    expect(all.length).toBeGreaterThan(150);
  });

  it("decode and encode to the same value", () => {
    for (const { msg } of all) {
      const frame = decodeFrame(`${JSON.stringify(msg)}\n`);
      expect(frame).toEqual(msg);
      expect(JSON.parse(encodeFrame(frame))).toEqual(msg);
    }
  });

  it("have resources of the grammar, and the grammar writes them back", () => {
    const resources = new Set(all.map(({ msg }) => msg.route.resource ?? ""));
    expect([...resources].map((text) => formatResource(parseResource(text)))).toEqual([...resources]);
  });
});
