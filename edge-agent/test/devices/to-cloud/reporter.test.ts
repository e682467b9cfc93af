// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createDeviceMetrics } from "../../../src/devices/metrics.ts";
import { Reporter } from "../../../src/devices/to-cloud/reporter.ts";
import { fakeClock, fakeLog } from "../../tunnel/fakes.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { MemoryRecords } from "../support/memory.ts";

const turns = async (): Promise<void> => {
  for (let i = 0; i < 200; i++) await Promise.resolve();
};

const open: Reporter[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((reporter) => reporter.stop()));
});

function world(records = new MemoryRecords()) {
  const cloud = new FakeCloud(false);
  const clock = fakeClock(Date.UTC(2026, 0, 1));
  const registry = new Registry();
  const reporter = new Reporter({
    records,
    uplink: cloud,
    clock,
    log: fakeLog(),
    newId: () => "id",
    random: () => 0.5,
    metrics: createDeviceMetrics(registry),
    sender: { minGapMs: 1_000, maxInFlight: 2, timeoutMs: 60_000, repeatSpreadMs: 5_000 },
    limits: { maxTotalChars: 1_000_000, maxFrameTwins: 500, maxFrameChars: 100_000 },
    writeBehindMs: 5_000,
    uidOf: (key) => `uid ${key}`,
  });
  open.push(reporter);
  const report = (name: string, value: string, timestampMs?: number): boolean => {
    const sample = { value, timestampMs: timestampMs ?? clock.nowMs(), isStamped: timestampMs !== undefined };
    const twin = { property: "t", reported: sample, observed: undefined, type: "int" };
    return reporter.twins(`ns/${name}`, `uid ns/${name}`, [twin]);
  };
  const state = (name: string): void => reporter.state(`ns/${name}`, `uid ns/${name}`, "ok");
  const sent = (): string[] =>
    cloud.requests.map(({ resource }) => resource.replace("device/ns/", "").split("/").slice(0, 2).join(" "));
  return { records, cloud, clock, registry, reporter, report, state, sent };
}

/** Three devices that report in another order than they came in. */
function outage(w: ReturnType<typeof world>): void {
  for (const name of ["a", "b", "c"]) w.state(name);
  for (const name of ["a", "b", "c"]) w.report(name, "1");
  for (const name of ["c", "a"]) {
    w.clock.advance(60_000);
    w.report(name, "2");
    w.state(name);
  }
}

const twinsIn = (sent: readonly string[]): string[] => sent.filter((text) => text.endsWith("twin"));
const statesIn = (sent: readonly string[]): string[] => sent.filter((text) => text.endsWith("state"));

describe("after an outage", () => {
  it("R2 states go first and each kind goes newest first", async () => {
    const w = world();
    outage(w);
    w.cloud.connect(true);
    await turns();
    expect(w.sent()[0]).toBe("a state");
    expect(statesIn(w.sent())).toEqual(["a state", "c state", "b state"]);
    expect(twinsIn(w.sent())).toEqual(["a twin", "c twin", "b twin"]);
  });

  it("R2 the same order holds when the agent died in it", async () => {
    const w = world();
    outage(w);
    await w.reporter.stop();
    const next = world(w.records);
    next.cloud.connect(true);
    await turns();
    expect(statesIn(next.sent())).toEqual(["a state", "c state", "b state"]);
    expect(twinsIn(next.sent())).toEqual(["a twin", "c twin", "b twin"]);
  });

  it("R2 the newest of each property arrives, though an older report of it came last, and that one is counted", async () => {
    const w = world();
    const nowMs = w.clock.nowMs();
    w.report("a", "new", nowMs);
    w.report("b", "1");
    w.report("a", "old", nowMs - 1_000);
    w.cloud.connect(true);
    await turns();
    const contents = w.cloud.requests.map(
      ({ content }) => content as { twin: { t: { actual: { value: string } } } },
    );
    expect(twinsIn(w.sent())).toEqual(["b twin", "a twin"]);
    expect(contents.map(({ twin }) => twin.t.actual.value)).toEqual(["1", "new"]);
    expect(await w.registry.metrics()).toContain('longshore_edge_twins_dropped_total{reason="late"} 1');
  });
});
