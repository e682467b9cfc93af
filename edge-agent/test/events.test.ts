// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createEventSender, type EmitEvent, type EventDeps } from "../src/events.ts";
import { FakeCloud } from "./devices/support/fake-cloud.ts";
import { fakeClock, fakeLog, type FakeClock } from "./tunnel/fakes.ts";

const SUBJECT = { apiVersion: "v1", kind: "Device", namespace: "shop", name: "boiler", uid: "u" };
const EVENT = { type: "Warning" as const, reason: "DeviceOffline", message: "its mapper is away" };

function open(over: Partial<EventDeps> = {}): { cloud: FakeCloud; clock: FakeClock; emit: EmitEvent } {
  const cloud = new FakeCloud();
  const clock = fakeClock(Date.UTC(2026, 0, 1));
  const deps = {
    uplink: cloud,
    clock,
    log: fakeLog(),
    nodeName: "edge-1",
    component: "devicetwin",
    enabled: true,
  };
  return { cloud, clock, emit: createEventSender({ ...deps, ...over }) };
}

describe("events of the agent", () => {
  it("are in the namespace of what they are about, with a name of their own each", () => {
    const { cloud, emit } = open();
    emit(SUBJECT, EVENT);
    emit(SUBJECT, EVENT);
    const [first, second] = cloud.requests;
    expect(first?.resource).toMatch(/^shop\/event\/boiler\.[0-9a-f]{16}$/);
    expect(second?.resource).not.toBe(first?.resource);
    expect(first?.content).toMatchObject({
      kind: "Event",
      metadata: { namespace: "shop" },
      involvedObject: SUBJECT,
      ...EVENT,
      source: { component: "devicetwin", host: "edge-1" },
      firstTimestamp: "2026-01-01T00:00:00Z",
      count: 1,
    });
  });

  it("are at most so many a minute, and as many the next", () => {
    const { cloud, clock, emit } = open({ maxAMinute: 3 });
    for (let i = 0; i < 10; i++) emit(SUBJECT, EVENT);
    expect(cloud.requests).toHaveLength(3);
    clock.advance(60_000);
    for (let i = 0; i < 10; i++) emit(SUBJECT, EVENT);
    expect(cloud.requests).toHaveLength(6);
  });

  it.each([
    { when: "they are switched off", over: { enabled: false } },
    { when: "the node is offline", over: { uplink: new FakeCloud(false) } },
  ])("are not sent while $when", ({ over }) => {
    const { cloud, emit } = open(over);
    emit(SUBJECT, EVENT);
    expect(cloud.requests).toEqual([]);
  });

  it("that cannot be sent hurt nobody", () => {
    const cloud = new FakeCloud();
    cloud.send = () => {
      throw new Error("closed just now");
    };
    expect(() => open({ uplink: cloud }).emit(SUBJECT, EVENT)).not.toThrow();
  });

  it("have a message of at most 1,000 characters", () => {
    const { cloud, emit } = open();
    emit(SUBJECT, { ...EVENT, message: "x".repeat(5_000) });
    expect((cloud.requests[0]?.content as { message: string }).message).toHaveLength(1_000);
  });
});
