// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { DeliveryError } from "../../src/delivery/errors.ts";
import type { NodeStanding, Standing } from "../../src/delivery/outbox.ts";
import { judgeStanding, patienceOf, readDelivery } from "../../src/device/delivery.ts";
import { trimDevice } from "../../src/device/transform.ts";
import { device } from "./builders.ts";

const given = trimDevice(device("d", { node: "edge-1", model: "m" }));
const acked = { uid: "uid-d", resourceVersion: "1", digest: given.digest };
const standingOf = (object: Standing, over: Partial<NodeStanding> = {}): NodeStanding => ({
  ...{ isConnected: true, isEstablished: true, objects: [object] },
  ...over,
});

describe("how a device stands at its node", () => {
  it.each<{ when: string; object: Standing; over?: Partial<NodeStanding>; isHeld?: boolean; want: string }>([
    {
      when: "the node has confirmed this content",
      object: { isPending: false, acked },
      want: "Acknowledged",
    },
    {
      when: "it has, and is away since",
      object: { isPending: false, acked },
      over: { isConnected: false },
      want: "Acknowledged",
    },
    {
      when: "it has confirmed older content",
      object: { isPending: false, acked: { ...acked, digest: "old" } },
      want: "Pending",
    },
    { when: "more is to be confirmed", object: { isPending: true, acked }, want: "Pending" },
    {
      when: "it holds another of the name",
      object: { isPending: false, acked: { ...acked, uid: "other" } },
      want: "Pending",
    },
    {
      when: "only the version is known, and is this one",
      object: { isPending: false, acked: { ...acked, digest: "" } },
      want: "Acknowledged",
    },
    {
      when: "only the version is known, and is another",
      object: { isPending: false, acked: { ...acked, digest: "", resourceVersion: "0" } },
      want: "Pending",
    },
    {
      when: "the node is away",
      object: { isPending: true },
      over: { isConnected: false },
      want: "NodeOffline",
    },
    { when: "its old node may hold it", object: { isPending: false }, isHeld: true, want: "Pending" },
  ])("is $want when $when", ({ object, over, isHeld = false, want }) => {
    expect(judgeStanding(given, standingOf(object, over), isHeld).reason).toBe(want);
  });

  it("is not asked for where there is no edge node, and not told while Redis is away", async () => {
    let calls = 0;
    const outbox = {
      standing: () => {
        calls++;
        return Promise.reject<NodeStanding>(new DeliveryError("UNAVAILABLE", "away"));
      },
    };
    const deps = { outbox, isHeld: () => false };
    expect((await readDelivery(deps, given, "missing"))?.reason).toBe("Pending");
    expect(calls).toBe(0);
    expect(await readDelivery(deps, given, "edge")).toBeUndefined();
  });
});

describe("how long a write waits for the node", () => {
  const pending = { reason: "Pending", message: "" } as const;
  const offline = { reason: "NodeOffline", message: "" } as const;
  const limits = { settleMs: 2000, pollMs: 30_000 };

  it("is at most the given time, with few questions", () => {
    let waitedMs = 0;
    let questions = 0;
    for (; patienceOf(pending, "edge", { ...limits, waitedMs }).isEarly; questions++)
      waitedMs += patienceOf(pending, "edge", { ...limits, waitedMs }).lookAgainMs ?? NaN;
    expect(waitedMs).toBe(2000);
    expect(questions).toBeLessThan(10);
  });

  it.each([
    {
      when: "it is acknowledged",
      delivery: { reason: "Acknowledged", message: "" } as const,
      again: undefined,
    },
    { when: "the node is away", delivery: offline, again: 30_000 },
    { when: "nobody can tell", delivery: undefined, again: 30_000 },
  ])("is no time when $when", ({ delivery, again }) => {
    expect(patienceOf(delivery, "edge", { ...limits, waitedMs: 0 })).toEqual({
      ...{ isEarly: false, lookAgainMs: again },
    });
  });

  it("is no time where there is no edge node, which is not asked", () => {
    expect(patienceOf(pending, "missing", { ...limits, waitedMs: 0 })).toEqual({
      ...{ isEarly: false, lookAgainMs: undefined },
    });
  });

  it("grows between questions to one that does not answer, up to the given time", () => {
    expect(patienceOf(pending, "edge", { ...limits, waitedMs: 10_000 }).lookAgainMs).toBe(5050);
    expect(patienceOf(pending, "edge", { ...limits, waitedMs: 10_000_000 }).lookAgainMs).toBe(30_000);
  });
});
