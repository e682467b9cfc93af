// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { ApiError } from "../../src/runtime/index.ts";
import { Deadline, lastSeenOf, offlineText, placePod, type LastSeen } from "../../src/stream/locate/index.ts";
import { systemClock } from "../../src/runtime/index.ts";
import { FakeCluster } from "./support/cluster.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const seen = (text: string): LastSeen => ({ atMs: Date.parse(text) });

describe("offlineText", () => {
  it.each([
    { at: "2026-11-21T11:59:48.25Z", want: "last seen 2026-11-21T11:59:48Z, 11 s ago" },
    { at: "2026-11-21T11:59:00Z", want: "last seen 2026-11-21T11:59:00Z, 1 min ago" },
    { at: "2026-11-21T09:00:00.000001Z", want: "last seen 2026-11-21T09:00:00Z, 2 h ago" },
    { at: "2026-11-21T09:00:00Z", want: "last seen 2026-11-21T09:00:00Z, 3 h ago" },
    { at: "2026-11-01T00:00:00Z", want: "last seen 2026-11-01T00:00:00Z, 20 d ago" },
    { at: "2026-11-21T12:00:05Z", want: "last seen 2026-11-21T12:00:05Z, 0 s ago" },
  ])("says $want", ({ at, want }) => {
    // A Date holds milliseconds; the microsecond is lost and the hour is whole.
    const floor = at.includes("000001") ? NOW - 1 : NOW;
    expect(offlineText("x", { why: "nowhere" }, seen(at), floor)).toBe(`node "x" is offline: ${want}`);
  });

  it.each([
    { absence: { why: "nowhere" } as const, at: "never" as const, want: 'node "x" is offline: never seen' },
    {
      absence: { why: "nowhere" } as const,
      at: "unknown" as const,
      want: 'node "x" is offline: when it was last seen is not known',
    },
    {
      absence: { why: "directory" } as const,
      at: seen("2026-11-21T11:59:00Z"),
      want:
        'this hub has no streams of node "x", and Redis, which knows what the other hubs have, does not answer; ' +
        "last seen 2026-11-21T11:59:00Z, 1 min ago",
    },
    {
      absence: { why: "peers", hubs: ["hub-1", "hub-2"] } as const,
      at: "never" as const,
      want: 'this hub has no streams of node "x", and hub-1, hub-2 cannot be reached, which may have it; never seen',
    },
  ])("says why: $want", ({ absence, at, want }) => {
    expect(offlineText("x", absence, at, NOW)).toBe(want);
  });
});

describe("lastSeenOf", () => {
  const ready = (times: object) => ({ type: "Ready", status: "Unknown", ...times });
  const other = { type: "MemoryPressure", status: "False", lastHeartbeatTime: "2020-01-01T00:00:00Z" };
  it.each([
    {
      when: "a Lease",
      signs: { renewTime: "2026-11-21T09:00:00.123456Z" },
      want: "2026-11-21T09:00:00.123Z",
    },
    {
      when: "no Lease, but a heartbeat",
      signs: {
        conditions: [
          other,
          ready({ lastHeartbeatTime: "2026-11-21T08:00:00Z", lastTransitionTime: "2026-11-21T08:01:00Z" }),
        ],
      },
      want: "2026-11-21T08:00:00.000Z",
    },
    {
      when: "a transition only",
      signs: { conditions: [ready({ lastHeartbeatTime: null, lastTransitionTime: "2026-11-21T08:01:00Z" })] },
      want: "2026-11-21T08:01:00.000Z",
    },
  ])("takes $when", ({ signs, want }) => {
    const found = lastSeenOf(signs);
    expect(typeof found === "string" ? found : new Date(found.atMs).toISOString()).toBe(want);
  });

  it("is never without a sign", () => {
    expect(lastSeenOf({})).toBe("never");
    expect(lastSeenOf({ renewTime: "no time", conditions: [other] })).toBe("never");
  });
});

describe("placePod", () => {
  const place = (cluster: FakeCluster, asked: Partial<Parameters<typeof placePod>[1]> = {}) =>
    placePod(
      cluster.client,
      { namespace: "default", pod: "web", uid: "", node: undefined, ...asked },
      new Deadline(systemClock, 200),
    );
  const KEY = "Pod/default/web";
  const podOn = (nodeName: string, uid: string) => ({ metadata: { name: "web", uid }, spec: { nodeName } });

  it("asks the API server's cache, and believes its yes", async () => {
    const cluster = new FakeCluster();
    cluster.pod("web", "n1");
    expect(await place(cluster)).toEqual({ node: "n1", uid: "uid-of-web" });
    expect(cluster.calls).toEqual([{ kind: "Pod", resourceVersion: "0" }]);
  });

  it.each([
    { when: "not there yet", stale: undefined, asked: {} },
    { when: "not scheduled yet", stale: { metadata: { name: "web", uid: "uid-of-web" } }, asked: {} },
    { when: "of another uid", stale: podOn("n0", "old"), asked: { uid: "uid-of-web" } },
    { when: "on another node", stale: podOn("n0", "old"), asked: { node: "n1" } },
  ])("does not believe its no: $when", async ({ stale, asked }) => {
    const cluster = new FakeCluster();
    cluster.pod("web", "n1");
    cluster.stale.set(KEY, stale);
    expect(await place(cluster, asked)).toEqual({ node: "n1", uid: "uid-of-web" });
    expect(cluster.calls.map(({ resourceVersion }) => resourceVersion)).toEqual(["0", undefined]);
  });

  it.each([
    { when: "there is none", on: null, asked: {}, code: "NOT_FOUND", text: 'there is no pod "default/web"' },
    {
      when: "it is not scheduled",
      on: undefined,
      asked: {},
      code: "BAD_REQUEST",
      text: "pod web is not scheduled",
    },
    {
      when: "it has another uid",
      on: "n1",
      asked: { uid: "u2" },
      code: "NOT_FOUND",
      text: 'there is no pod "default/web" with uid u2',
    },
    {
      when: "B148 it is on another node",
      on: "n2",
      asked: { node: "n1" },
      code: "NOT_FOUND",
      text: 'pod "default/web" is not on node "n1"',
    },
    {
      when: "B148 it is in another namespace",
      on: "n1",
      asked: { namespace: "other" },
      code: "NOT_FOUND",
      text: 'there is no pod "other/web"',
    },
  ])("refuses with $code when $when", async ({ on, asked, code, text }) => {
    const cluster = new FakeCluster();
    if (on !== null) cluster.pod("web", on);
    await expect(place(cluster, asked)).rejects.toMatchObject({ code, message: text });
  });

  it("says so when the API server does not answer in time, or not at all", async () => {
    const cluster = new FakeCluster();
    cluster.hangs = true;
    await expect(place(cluster)).rejects.toMatchObject({
      code: "TIMEOUT",
      message: /did not say in time/ as unknown,
    });
    cluster.hangs = false;
    cluster.fails = new ApiError({ code: 0, reason: "ConnectionFailed", message: "connection refused" });
    await expect(place(cluster)).rejects.toMatchObject({ code: "INTERNAL" });
  });
});
