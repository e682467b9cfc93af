// SPDX-License-Identifier: Apache-2.0
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { LogOptions } from "@longshore/crds/stream";
import { LogNode } from "./runtime.ts";

interface Line {
  /** seconds after the first of all */
  readonly second: number;
  readonly stream: "stdout" | "stderr";
  readonly isPartial: boolean;
  readonly text: string;
  readonly isBad: boolean;
}

const stampOf = (second: number): string => `2026-11-21T02:07:${String(second).padStart(2, "0")}.000000000Z`;
const rawOf = (line: Line): string =>
  line.isBad
    ? `${line.text}\n`
    : `${stampOf(line.second)} ${line.stream} ${line.isPartial ? "P" : "F"} ${line.text}\n`;

const isShown = (line: Line, { stream, sinceTime }: LogOptions): boolean =>
  (stream ?? line.stream) === line.stream && stampOf(line.second) >= (sinceTime ?? "");

/** What a kubelet prints, by the simplest means. */
function printed(lines: readonly Line[], options: LogOptions): string {
  let out = "";
  let isFresh = true;
  const tail = options.tailLines ?? lines.length;
  for (const line of lines.slice(Math.max(0, lines.length - tail))) {
    if (line.isBad) continue;
    if (isShown(line, options)) {
      if (options.timestamps === true && isFresh) out += `${stampOf(line.second)} `;
      out += line.text + (line.isPartial ? "" : "\n");
    }
    isFresh = !line.isPartial || line.text === "";
  }
  return Buffer.from(out).subarray(0, options.limitBytes).toString("latin1");
}

const line: fc.Arbitrary<Line> = fc.record({
  second: fc.integer({ min: 0, max: 59 }),
  stream: fc.constantFrom("stdout", "stderr"),
  isPartial: fc.boolean(),
  text: fc.oneof(fc.string({ maxLength: 40 }), fc.string({ minLength: 100, maxLength: 200 })).map(
    // none of these words is a timestamp, so that a bad line is bad
    (text) => text.replaceAll("\n", " "),
  ),
  isBad: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});

const options: fc.Arbitrary<LogOptions> = fc.record(
  {
    timestamps: fc.boolean(),
    tailLines: fc.integer({ min: 0, max: 30 }),
    limitBytes: fc.integer({ min: 0, max: 400 }),
    sinceTime: fc.integer({ min: 0, max: 59 }).map(stampOf),
    stream: fc.constantFrom("stdout", "stderr"),
  },
  { requiredKeys: [] },
);

let node: LogNode;
beforeAll(async () => {
  node = await LogNode.create();
});
afterAll(() => node.remove());

it("any log with any options is printed as by the simplest reader, in blocks of any size", async () => {
  const blocks = fc.constantFrom(1, 3, 64, 1000, 65_536);
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 25 }),
      options,
      blocks,
      async (lines, wanted, blockBytes) => {
        await writeFile(node.path(), lines.map(rawOf).join(""));
        const stream = await node.open(wanted, { deps: node.deps({ blockBytes }) });
        const pieces: Buffer[] = [];
        for await (const piece of stream) pieces.push(piece as Buffer);
        expect(Buffer.concat(pieces).toString("latin1")).toBe(printed(lines, wanted));
      },
    ),
    { numRuns: 300 },
  );
});
