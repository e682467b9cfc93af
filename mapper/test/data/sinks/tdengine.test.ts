// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createPusher } from "../../../src/data/pusher.ts";
import { createSinkOpener } from "../../../src/data/sinks/index.ts";
import { createTdengineSink } from "../../../src/data/sinks/tdengine.ts";
import { childTableOf } from "../../../src/data/sinks/tdengine-sql.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { aLog } from "../../support/gen.ts";
import { aSample, secretsNamed, sendOnce, tdengineTarget } from "../samples.ts";
import { until } from "../servers/process.ts";
import { serve, status } from "./server.ts";
import { startTdengineStub, type TdengineStub } from "./tdengine-stub.ts";

const secrets = secretsNamed({ username: "root", password: "taos:data" });
const AUTHORIZATION = `Basic ${Buffer.from("root:taos:data").toString("base64")}`;
let server: TdengineStub;
beforeEach(async () => {
  server = await startTdengineStub("plant", AUTHORIZATION);
});
afterEach(() => server.close());

describe("the TDengine sink at a server that reads every letter", () => {
  it("A18 makes a super table for the device and a table for the property, and inserts", async () => {
    await sendOnce(createTdengineSink, tdengineTarget(server.port), secrets, aSample());
    const table = server.tables.get("default/hall/temperature");
    expect(table).toMatchObject({ superTable: "default/hall", tag: "temperature" });
    expect([...(table?.rows ?? [])]).toEqual([
      ["2023-11-14T22:13:20.123Z", ["default/hall", "temperature", "21.5", "FLOAT"]],
    ]);
  });

  it("inserts a batch of several devices in one statement, and makes each super table once", async () => {
    const sink = createTdengineSink(tdengineTarget(server.port), secrets);
    const batchAt = (from: number) =>
      Array.from({ length: 100 }, (_, index) => ({
        target: tdengineTarget(server.port),
        sample: aSample({ device: `d${index % 3}`, property: `p${index % 2}`, atMs: from + index }),
      }));
    for (const from of [0, 1_000, 2_000]) await sink.send(batchAt(from), AbortSignal.timeout(5_000));
    sink.close();
    expect(server.seen.map(({ body }) => body.slice(0, 6))).toEqual([
      ...["CREATE", "CREATE", "CREATE"],
      ...["INSERT", "INSERT", "INSERT"],
    ]);
    const rows = [...server.tables.values()].map((table) => table.rows.size);
    expect(rows).toHaveLength(6);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(300);
  });

  it("holds once what is sent twice, as after a lost answer", async () => {
    const target = tdengineTarget(server.port);
    for (const text of ["1", "1", "2"])
      await sendOnce(createTdengineSink, target, secrets, aSample({ text }));
    const rows = [...(server.tables.get("default/hall/temperature")?.rows.values() ?? [])];
    expect(rows).toEqual([["default/hall", "temperature", "2", "FLOAT"]]);
  });

  it("keeps every text as it is, and gives every name a table of its own", async () => {
    const target = tdengineTarget(server.port);
    const sink = createTdengineSink(target, secrets);
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }).filter((given) => !given.includes("\0")),
      fc.constantFrom("'); DROP DATABASE plant; --", "\\", "\\'", "''", "a\nb", "`", '"', "%_", "😀"),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (property, given) => {
        const sample = aSample({ property: property.slice(0, 60), text: given });
        await sink.send([{ sample, target }], AbortSignal.timeout(5_000));
        const table = server.tables.get(childTableOf(sample));
        expect(table?.tag).toBe(sample.property);
        expect(table?.rows.get("2023-11-14T22:13:20.123Z")).toEqual([
          ...["default/hall", sample.property, given, "FLOAT"],
        ]);
      }),
      { numRuns: 100 },
    );
    sink.close();
    const names = ["a.b", "a_b", "a:b", "a~b", "x".repeat(200), `${"x".repeat(200)}y`];
    expect(new Set(names.map((property) => childTableOf(aSample({ property }))))).toHaveProperty("size", 6);
  });

  it("finds the one reading that is too long when a statement is longer than TDengine takes", async () => {
    const plane = createPusher({
      openSink: createSinkOpener(secrets),
      ...{ clock: createFakeClock(), log: aLog(), random: () => 0.5 },
    });
    // Less than waits for a server, and more than a statement has room for: a quote becomes two letters.
    const long = `${"x".repeat(12_000)}${"'".repeat(3_500)}`;
    for (let i = 0; i < 60; i++) {
      const text = (i === 40 ? "x".repeat(20_000) : long) + String(i);
      plane.offer([tdengineTarget(server.port)], aSample({ atMs: i, text }));
    }
    await until(() => plane.counters().sent === 59 && plane.counters().refused === 1);
    expect(server.tables.get("default/hall/temperature")?.rows.size).toBe(59);
    expect(Math.max(...server.seen.map(({ body }) => body.length))).toBeGreaterThan(1_048_576);
    plane.close();
  });

  it("makes a table anew that was dropped", async () => {
    const sink = createTdengineSink(tdengineTarget(server.port), secrets);
    const batch = [{ sample: aSample(), target: tdengineTarget(server.port) }];
    await sink.send(batch, AbortSignal.timeout(5_000));
    server.drop();
    const sent = sink.send(batch, AbortSignal.timeout(5_000));
    await expect(sent).rejects.toMatchObject({ code: "UNAVAILABLE", message: "TDengine answered 0x2603" });
    sink.close();
    await sendOnce(createTdengineSink, tdengineTarget(server.port), secrets, aSample());
    expect(server.tables.size).toBe(1);
  });

  it.each([
    {
      when: "the password is wrong",
      given: secretsNamed({ username: "root", password: "no" }),
      sample: {},
      code: "UNAUTHORIZED",
    },
    { when: "there are none", given: secretsNamed({}), sample: {}, code: "UNAUTHORIZED" },
    { when: "a text is too long", given: secrets, sample: { text: "x".repeat(16_375) }, code: "REFUSED" },
    { when: "a text has a NUL", given: secrets, sample: { text: "a\0b" }, code: "REFUSED" },
  ])("fails with $code when $when, and tells no sample", async ({ given, sample, code }) => {
    const sent = sendOnce(createTdengineSink, tdengineTarget(server.port), given, aSample(sample));
    await expect(sent).rejects.toMatchObject({ code, retryable: code !== "REFUSED" });
    await expect(sent).rejects.not.toThrow(/hall|21\.5|taos:data|wrong/);
    expect(server.tables.size).toBe(0);
  });

  it("waits for a database that is not there yet", async () => {
    const target = { ...tdengineTarget(server.port), database: "nowhere" };
    const sent = sendOnce(createTdengineSink, target, secrets, aSample());
    await expect(sent).rejects.toMatchObject({ code: "UNAVAILABLE", message: "TDengine answered 0x0388" });
  });

  it.each([
    { code: 401, want: "UNAUTHORIZED" },
    { code: 503, want: "UNAVAILABLE" },
    { code: 200, want: "UNAVAILABLE" },
  ])("takes an answer of $code without its words for $want", async ({ code, want }) => {
    const other = await serve(status(code));
    try {
      const sent = sendOnce(createTdengineSink, tdengineTarget(other.port), secrets, aSample());
      await expect(sent).rejects.toMatchObject({ code: want });
    } finally {
      await other.close();
    }
  });
});
