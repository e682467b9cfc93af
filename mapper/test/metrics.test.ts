// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { COUNTER_NAMES, PUSH_COUNTER_NAMES } from "@longshore/mapper";
import { metricsText, type Figures } from "../src/metrics.ts";

const zero = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;

const text = (change: Partial<Figures> = {}): string =>
  metricsText({
    counters: { ...zero(COUNTER_NAMES), readFailures: 7 },
    pushCounters: { ...zero(PUSH_COUNTER_NAMES), failedSends: 3 },
    devices: [
      { state: "online", hungCalls: 1, streams: 2 },
      { state: "online", hungCalls: 2, streams: 0 },
      { state: "offline", hungCalls: 0, streams: 0 },
    ],
    isRegistered: true,
    ...change,
  });

describe("the figures of a mapper", () => {
  it.each([
    "longshore_mapper_read_failures_total 7",
    "longshore_mapper_push_failed_sends_total 3",
    'longshore_mapper_devices{state="online"} 2',
    'longshore_mapper_devices{state="offline"} 1',
    'longshore_mapper_devices{state="unhealthy"} 0',
    "longshore_mapper_registered 1",
    "longshore_mapper_hung_calls 3",
    "longshore_mapper_running_streams 2",
  ])("have the line %s", (line) => {
    expect(text().split("\n")).toContain(line);
  });

  it("have every counter once, each with help and type, as Prometheus reads them", () => {
    const lines = text().trimEnd().split("\n");
    const samples = lines.filter((line) => !line.startsWith("#"));
    expect(samples.filter((line) => line.includes("_total "))).toHaveLength(
      COUNTER_NAMES.length + PUSH_COUNTER_NAMES.length,
    );
    for (const line of lines) {
      expect(line).toMatch(
        /^(# HELP longshore_mapper_[a-z_]+ .+|# TYPE longshore_mapper_[a-z_]+ (counter|gauge)|longshore_mapper_[a-z_]+(\{state="[a-z]+"\})? \d+)$/,
      );
    }
    const names = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]);
    expect(new Set(names).size).toBe(names.length);
  });
});
