// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { deviceMetrics } from "../../../src/hub/metrics.ts";
import type { DeviceReport } from "../../../src/hub/uplink/device-report.ts";
import {
  DeviceWriter,
  defaultWriterOptions,
  type WriterOptions,
} from "../../../src/hub/uplink/device-writer.ts";
import type { UplinkSession } from "../../../src/hub/uplink/port.ts";
import { createFakeClock } from "../../runtime/fake-clock.ts";

const reportOf = (names: readonly string[], value: string): DeviceReport => ({
  properties: new Map(names.map((name) => [name, { reported: { value } }])),
  skipped: {},
});

function world(options: Partial<WriterOptions>, running: Promise<void> = Promise.resolve()) {
  const clock = createFakeClock();
  const written: DeviceReport[] = [];
  const ended = new AbortController();
  const { signal } = ended;
  const session = { node: "a", connection: "c", signal } as unknown as UplinkSession;
  const writer = new DeviceWriter({
    clock,
    options: { ...defaultWriterOptions, writesPerSecond: 1, burst: 1, ...options },
    metrics: deviceMetrics(new Registry()),
    run: (_target, report, cost) => {
      cost.writes += 1;
      written.push(report);
      return running;
    },
  });
  const say = (name: string, report: DeviceReport, settle: (error?: unknown) => void = () => undefined) =>
    writer.add({ session, namespace: "ns", name }, report, { settle });
  say("first", reportOf(["t"], "1")); // takes the only token
  return { clock, written, say, writer, end: () => ended.abort() };
}

describe("the room of the writer of device reports", () => {
  it("tells each frame once what became of it, also where the frame that would push it out finds no room", async () => {
    const { clock, say } = world({ maxWaiters: 1, maxCharsPerSession: 1_000 });
    let told = 0;
    expect(
      say("d", reportOf(["t"], "1"), () => {
        told += 1;
      }),
    ).toBe(true);
    expect(say("d", reportOf(["t"], "x".repeat(2_000)))).toBe(false);
    for (let i = 0; i < 40; i++) {
      clock.advance(100);
      await clock.settle();
    }
    expect(told).toBe(1);
  });

  it("holds no more properties of one device than its DeviceStatus may have, and counts the others", async () => {
    const { clock, written, say } = world({});
    for (let frame = 0; frame < 30; frame++)
      say(
        "d",
        reportOf(
          Array.from({ length: 100 }, (_, i) => `p${frame * 100 + i}`),
          "1",
        ),
      );
    for (let i = 0; i < 40; i++) {
      clock.advance(100);
      await clock.settle();
    }
    const last = written.at(-1);
    expect(last?.properties.size).toBe(1_000);
    expect(last?.skipped).toEqual({ too_many: 2_000 });
  });

  it("is taken by what is being written, too, until that is done or its session over", async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { clock, say, end, writer } = world({ writesPerSecond: 100, burst: 100, maxChars: 1_000 }, gate);
    const taken = (from: number): number =>
      Array.from({ length: 9 }, (_, i) => say(`d${from + i}`, reportOf(["t"], "1"))).filter(Boolean).length;
    expect(taken(0)).toBe(2); // beside the first
    open();
    await clock.settle();
    expect(taken(10)).toBe(3);
    await clock.settle();
    end();
    await clock.settle();
    expect(writer.chars).toBe(0);
  });

  it("is free again when a session ends, whatever of it waits and is being written", async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { clock, say, end, writer } = world({}, gate);
    for (let i = 0; i < 5; i++) say(`d${i}`, reportOf(["t"], "1"));
    end();
    open();
    await clock.settle();
    expect([writer.size, writer.chars]).toEqual([0, 0]);
  });
});
