// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { LogLines } from "../../../src/streams/logs/lines.ts";
import type { LogWants } from "../../../src/streams/logs/options.ts";
import { parseInstant } from "../../../src/streams/logs/timestamp.ts";

const T1 = "2026-11-21T02:07:05.1Z";
const T2 = "2026-11-21T02:07:06Z";
const F1 = "2026-11-21T02:07:05.100000000Z";
const F2 = "2026-11-21T02:07:06.000000000Z";
const ALL: LogWants = { follow: false, timestamps: false };

function print(
  log: string,
  wants: Partial<LogWants> = {},
  blockBytes = 65_536,
): [text: string, malformed: number] {
  let malformed = 0;
  const lines = new LogLines({ ...ALL, ...wants }, () => malformed++);
  let text = "";
  const raw = Buffer.from(log);
  for (let at = 0; at < raw.length && !lines.isDone; at += blockBytes) {
    text += lines.write(raw.subarray(at, at + blockBytes)).toString("latin1");
  }
  lines.end();
  return [Buffer.from(text, "latin1").toString(), malformed];
}

it.each([
  { when: "a line is whole", log: `${T1} stdout F hello world\n`, want: "hello world\n" },
  { when: "a line is empty", log: `${T1} stdout F \n`, want: "\n" },
  { when: "there are more tags", log: `${T1} stderr F:new:tags x\n`, want: "x\n" },
  {
    when: "a line is in parts",
    log: `${T1} stdout P ab\n${T2} stdout P:t cd\n${T2} stdout F e\n`,
    want: "abcde\n",
  },
  { when: "the last line is being written", log: `${T1} stdout F a\n${T2} stdout F b`, want: "a\nb" },
  { when: "text is not ASCII", log: `${T1} stdout F grüß\r\n`, want: "grüß\r\n" },
  { when: "a zone is ahead", log: "2026-11-21T02:07:05+01:00 stdout F x\n", want: "x\n" },
])("prints the text when $when, however it is cut", ({ log, want }) => {
  for (const bytes of [1, 2, 7, 31, 65_536]) expect(print(log, {}, bytes)).toEqual([want, 0]);
});

it.each([
  ["its own, with nine digits", `${T1} stdout F a\n${T2} stderr F b\n`, `${F1} a\n${F2} b\n`],
  [
    "of the zone it was written in",
    "2026-11-21T02:07:05.12-07:30 stdout F a\n",
    "2026-11-21T02:07:05.120000000-07:30 a\n",
  ],
  ["that says Z for UTC", "2026-11-21T02:07:05+00:00 stdout F a\n", "2026-11-21T02:07:05.000000000Z a\n"],
  [
    "no longer than nine digits",
    "2026-11-21T02:07:05.1234567899Z stdout F a\n",
    "2026-11-21T02:07:05.123456789Z a\n",
  ],
  [
    "once for a line in parts",
    `${T1} stdout P a\n${T2} stdout F b\n${T2} stdout F c\n`,
    `${F1} ab\n${F2} c\n`,
  ],
  ["again after an empty part", `${T1} stdout P \n${T2} stdout F b\n`, `${F1} ${F2} b\n`],
  ["none for what follows another's part", `${T1} stdout P a\n${T2} stderr F b\n`, `${F1} ab\n`],
])("a line gets a timestamp: %s", (_, log, want) => {
  for (const bytes of [1, 13, 65_536]) expect(print(log, { timestamps: true }, bytes)).toEqual([want, 0]);
});

it.each([
  "no head at all",
  "",
  `${T1} stdout F`,
  `${T1} stdin F x`,
  `${T1} stdoutF x`,
  `${T1}  stdout F x`,
  "2026-11-21 02:07:05Z stdout F x",
  "2026-13-21T02:07:05Z stdout F x",
  "2026-02-29T02:07:05Z stdout F x",
  "2026-11-21T24:07:05Z stdout F x",
  "2026-11-21T02:07:05.Z stdout F x",
  "2026-11-21T02:07:05 stdout F x",
  `${T1} stdout F:${"t".repeat(2000)} x`,
  '{"log":"x\\n","stream":"stdout","time":"2026-11-21T02:07:05Z"}',
])("leaves out and counts a line that no runtime has written: %p", (bad) => {
  const log = `${T1} stdout F a\n${bad}\n${T1} stdout F b\n`;
  for (const bytes of [1, 64, 65_536]) expect(print(log, {}, bytes)).toEqual(["a\nb\n", 1]);
});

it("counts a head that is cut off at the end of the log", () => {
  expect(print(`${T1} stdout F a\n${T1} std`)).toEqual(["a\n", 1]);
});

describe("of three lines", () => {
  const log = `${T1} stdout F one\n${T2} stderr F two\n2026-11-21T03:07:07.5+01:00 stdout F three\n`;
  it.each<{ wants: Partial<LogWants>; want: string }>([
    { wants: { stream: "stdout" }, want: "one\nthree\n" },
    { wants: { stream: "stderr" }, want: "two\n" },
    { wants: { since: parseInstant("2026-11-21T02:07:06Z")! }, want: "two\nthree\n" },
    { wants: { since: parseInstant("2026-11-21T02:07:06.000000001Z")! }, want: "three\n" },
    { wants: { since: parseInstant("2026-11-21T02:07:07.5Z")! }, want: "three\n" },
    { wants: { since: parseInstant("2026-11-21T02:07:08Z")! }, want: "" },
    { wants: { limitBytes: 5 }, want: "one\nt" },
    { wants: { limitBytes: 4 }, want: "one\n" },
    { wants: { limitBytes: 0 }, want: "" },
    { wants: { limitBytes: 3, timestamps: true }, want: "202" },
    { wants: { limitBytes: 33, timestamps: true }, want: `${F1} on` },
    { wants: { limitBytes: 5, stream: "stderr" }, want: "two\n" },
    { wants: { tailLines: 2 }, want: "one\ntwo\n" },
    { wants: { tailLines: 2, follow: true }, want: "one\ntwo\nthree\n" },
  ])("prints what $wants leaves", ({ wants, want }) => {
    for (const bytes of [1, 5, 65_536]) expect(print(log, wants, bytes)).toEqual([want, 0]);
  });
});

it("keeps no more of a line of any length than its head", () => {
  const lines = new LogLines(ALL, () => undefined);
  const block = Buffer.alloc(65_536, "x");
  expect(lines.write(Buffer.from(`${T1} stdout F `))).toHaveLength(0);
  for (let mib = 0; mib < 16; mib++) expect(lines.write(block)).toHaveLength(block.length);
  expect(lines.write(Buffer.from("\n")).toString()).toBe("\n");
});
