// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createLog, type LogLevel, type MapperLog } from "@longshore/mapper";
import { withFields } from "../src/log.ts";

function aLogOf(level: LogLevel = "info") {
  const lines: string[] = [];
  const log = createLog({ level, write: (line) => lines.push(line), nowMs: () => 1_700_000_000_000 });
  return { log, lines, last: (): unknown => JSON.parse(lines.at(-1) ?? "null") };
}

describe("the log of a mapper", () => {
  it("is lines of JSON with level, time, fields and message, as all programs of the platform write them", () => {
    const { log, lines } = aLogOf();
    log.info({ device: "default/hall" }, "device started");
    expect(lines).toStrictEqual([
      '{"level":30,"time":1700000000000,"device":"default/hall","msg":"device started"}\n',
    ]);
  });

  it.each<{ least: LogLevel; levels: number[] }>([
    { least: "debug", levels: [20, 30, 40, 50] },
    { least: "warn", levels: [40, 50] },
    { least: "error", levels: [50] },
  ])("at level $least has lines of levels $levels", ({ least, levels }) => {
    const { log, lines } = aLogOf(least);
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]({}, "something");
    expect(lines.map((line) => (JSON.parse(line) as { level: number }).level)).toStrictEqual(levels);
  });

  it("tells of an error its kind, and nothing that hangs on it", () => {
    const { log, last } = aLogOf();
    const error = Object.assign(new TypeError("no answer"), { code: "ECONNRESET", payload: "secret" });
    log.error({ err: error }, "failed");
    expect(last()).toMatchObject({ err: { type: "TypeError", message: "no answer", code: "ECONNRESET" } });
    expect(JSON.stringify(last())).not.toContain("secret");
  });

  const circular: { self?: object } = {};
  circular.self = circular;
  it.each<{ what: string; fields: object; told: object }>([
    { what: "a bigint", fields: { n: 2n ** 60n }, told: { n: "1152921504606846976" } },
    { what: "bytes", fields: { b: Buffer.from("secret") }, told: { b: "6 bytes" } },
    { what: "a field of a line's own name", fields: { level: "x", msg: "y" }, told: { level: 30, msg: "m" } },
    { what: "a circle", fields: { circular }, told: { unreadable: true, msg: "m" } },
  ])("writes a line for $what", ({ fields, told }) => {
    const { log, last } = aLogOf();
    log.info(fields, "m");
    expect(last()).toMatchObject(told);
  });

  it("cuts a text that would fill it", () => {
    const { log, lines } = aLogOf();
    log.info({ reason: "x".repeat(1_000_000) }, "m");
    expect(lines[0]?.length).toBeLessThan(3_000);
  });

  it("adds fields to each line of a part", () => {
    const { log, last } = aLogOf();
    const part: MapperLog = withFields(log, { device: "default/hall" });
    part.warn({ property: "target" }, "m");
    expect(last()).toMatchObject({ level: 40, device: "default/hall", property: "target" });
  });
});
