// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import fc from "fast-check";
import type { LogOptions } from "@longshore/crds/stream";
import { readOptions } from "../../../src/streams/logs/options.ts";
import { beginAt, goOnTo, newerThan, rotatedNames } from "../../../src/streams/logs/rotation.ts";
import { chooseRun } from "../../../src/streams/logs/run.ts";
import { isBefore, parseInstant } from "../../../src/streams/logs/timestamp.ts";
import type { ContainerRun } from "../../../src/streams/port.ts";

const run = (attempt: number, isRunning: boolean, willRestart = false): ContainerRun => ({
  id: `id-${attempt}`,
  podUid: "u",
  attempt,
  isRunning,
  willRestart,
});

function refusalOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

it.each<{ when: string; runs: [ContainerRun, ...ContainerRun[]]; previous: boolean; want: number | "none" }>([
  { when: "it runs", runs: [run(3, true), run(2, false)], previous: false, want: 3 },
  { when: "it is over", runs: [run(3, false), run(2, false)], previous: false, want: 3 },
  { when: "the run before is wanted", runs: [run(3, true), run(2, false)], previous: true, want: 2 },
  {
    when: "it is over and the run before is wanted",
    runs: [run(3, false), run(2, false)],
    previous: true,
    want: 2,
  },
  { when: "it waits for its restart", runs: [run(3, false, true), run(2, false)], previous: true, want: 3 },
  { when: "it waits for its first restart", runs: [run(0, false, true)], previous: true, want: 0 },
  { when: "it runs for the first time", runs: [run(0, true)], previous: true, want: "none" },
  { when: "it was over at once", runs: [run(0, false)], previous: true, want: "none" },
])("chooses run $want when $when", ({ runs, previous, want }) => {
  const chosen = (): number => chooseRun(runs, { pod: "p", container: "c", previous }).attempt;
  if (want !== "none") {
    expect(chosen()).toBe(want);
    return;
  }
  const message = 'previous terminated container "c" in pod "p" not found';
  expect(refusalOf(chosen)).toMatchObject({ code: "BAD_REQUEST", message });
});

it.each<LogOptions>([
  { tailLines: -1 },
  { tailLines: 1.5 },
  { tailLines: Number.NaN },
  { sinceSeconds: 1e18 },
  { sinceSeconds: -1 },
  { limitBytes: -1 },
  { limitBytes: Number.POSITIVE_INFINITY },
  { sinceTime: "yesterday" },
  { sinceTime: "2026-11-21" },
])("B149 refuses %p", (options) => {
  expect(refusalOf(() => readOptions(options, 0))).toMatchObject({ code: "BAD_REQUEST", status: 400 });
});

it("so many seconds ago is a moment of the clock it is given", () => {
  expect(readOptions({ sinceSeconds: 10 }, 1_700_000_000_250).since).toEqual({
    seconds: 1_699_999_990,
    nanos: 250_000_000,
  });
  expect(readOptions({ sinceTime: "2023-11-14T23:13:20.5+01:00" }, 0).since).toEqual({
    seconds: 1_700_000_000,
    nanos: 500_000_000,
  });
});

it("a moment is what Date says it is, in any zone and year", () => {
  const when = fc.date({
    min: new Date("0001-01-02T00:00:00Z"),
    max: new Date("9998-12-30"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(when, fc.integer({ min: -719, max: 719 }), (date, zone) => {
      const ms = Math.floor(date.getTime() / 1000) * 1000 + 250;
      const two = (n: number): string => String(n).padStart(2, "0");
      const text = new Date(ms + zone * 60_000).toISOString().slice(0, 23);
      const offset = `${zone < 0 ? "-" : "+"}${two(Math.floor(Math.abs(zone) / 60))}:${two(Math.abs(zone) % 60)}`;
      const want = { seconds: Math.floor(ms / 1000), nanos: 250_000_000 };
      expect(parseInstant(text + offset)).toEqual(want);
      expect(isBefore(want, { ...want, nanos: 250_000_001 })).toBe(true);
      expect(isBefore(want, want)).toBe(false);
    }),
  );
});

it("knows its own rotated files among others", () => {
  const names = ["1.log", "1.log.20261121-020706", "1.log.20261121-020705", "11.log.20261121-020705"];
  const others = [
    "1.log.20261121-020704.gz",
    "1.log.tmp",
    "1.logs.20261121-020705",
    "x1.log.20261121-020705",
  ];
  expect(rotatedNames([...names, ...others], "1.log")).toEqual([
    "1.log.20261121-020705",
    "1.log.20261121-020706",
  ]);
});

it("goes through the files in the order they were written, whatever is removed and whatever number is used again", () => {
  const file = (second: number, ino: number): { name: string; ino: bigint } => ({
    name: `s${second}`,
    ino: BigInt(ino),
  });
  const begun = beginAt(30n, [file(1, 10), file(2, 20)]);
  expect(newerThan(begun, [file(1, 10), file(2, 20)])).toEqual([]);
  // 10 was removed and its number used again, 30 and two more were moved aside
  const aside = [file(2, 20), file(3, 30), file(4, 40), file(5, 10)];
  expect(newerThan(begun, aside)).toEqual([file(4, 40), file(5, 10)]);
  const on = goOnTo(40n, begun, aside);
  expect(newerThan(on, aside)).toEqual([file(5, 10)]);
  expect(newerThan(goOnTo(10n, on, aside), aside)).toEqual([]);
  // all that was before is gone: what is there is newer
  expect(newerThan(begun, [file(7, 70)])).toEqual([file(7, 70)]);
  // the one it begins with was moved aside meanwhile
  expect(
    newerThan(beginAt(20n, [file(1, 10), file(2, 20), file(3, 30)]), [file(2, 20), file(3, 30)]),
  ).toEqual([file(3, 30)]);
});
