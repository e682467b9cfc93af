// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import type { LedgerEntry, LedgerRecord } from "../../src/delivery/ledger.ts";
import { createObjectSyncMetrics } from "../../src/object-sync/metrics.ts";
import { createObjectSyncReconciler, recordsToRestore } from "../../src/object-sync/reconciler.ts";
import type { SyncRecord } from "../../src/object-sync/record.ts";
import { createRounds } from "../../src/object-sync/rounds.ts";
import { ApiError, DONE, silentLog, systemClock, type Client } from "../../src/runtime/index.ts";
import { entry, record } from "./builders.ts";

const NODE = "edge-1";
const apiError = (code: number, reason: string, details?: object): ApiError =>
  new ApiError({ code, reason, message: reason, ...(details && { details }) });

interface Given {
  readonly entries?: readonly LedgerEntry[];
  readonly records?: readonly SyncRecord[];
  readonly isEstablished?: boolean;
  readonly hasNode?: boolean;
  /** fails the calls of a verb, of one name if given */
  readonly fail?: (call: string) => Error | undefined;
}

function world(given: Given) {
  const state = { nowMs: 0, established: given.isEstablished ?? true, hasNode: given.hasNode ?? true };
  const calls: string[] = [];
  const restored: LedgerRecord[] = [];
  const act =
    (verb: string) =>
    (_: unknown, object: { name?: string; metadata?: { name: string } }): Promise<never> => {
      const call = `${verb} ${object.name ?? object.metadata?.name ?? ""}`;
      const error = given.fail?.(call);
      if (error) return Promise.reject(error);
      calls.push(call);
      return Promise.resolve({} as never);
    };
  const rounds = createRounds({ intervalMs: 5000, nowMs: () => state.nowMs });
  const deps = {
    ...{ rounds, clock: systemClock, log: silentLog, metrics: createObjectSyncMetrics(new Registry()) },
    limiter: { when: () => 0, forget: () => undefined, failures: () => 0 },
    client: { create: act("create"), patch: act("patch"), delete: act("delete") } as unknown as Client,
    caches: {
      node: () => (state.hasNode ? { uid: "node-uid" } : undefined),
      recordsOf: () => given.records ?? [],
      areSynced: () => true,
    },
    ledger: {
      acked: () =>
        Promise.resolve({ entries: given.entries ?? [], mark: "m", isEstablished: state.established }),
      settle: (node: string, mark: string) => {
        calls.push(`settle ${node} ${mark}`);
        return Promise.resolve(true);
      },
      doubt: () => Promise.resolve(true),
      restoreAcked: (_: string, records: readonly LedgerRecord[]) => {
        restored.push(...records);
        state.established = true;
        return Promise.resolve(records.length);
      },
    },
  };
  const reconcile = createObjectSyncReconciler(deps);
  return {
    ...{ state, calls, restored, rounds, deps },
    turn: () =>
      reconcile({ namespace: "", name: NODE }, { signal: new AbortController().signal, log: silentLog }),
  };
}

describe("the reconciler of a node's records", () => {
  it("settles what it read only after everything is written", async () => {
    const { calls, turn } = world({
      entries: [entry("a", "2"), entry("b", "1")],
      records: [record("a", "1")],
    });
    expect(await turn()).toBe(DONE);
    expect(calls).toEqual([
      "patch edge-1.uid-a",
      "create edge-1.uid-b",
      "patch edge-1.uid-b",
      "settle edge-1 m",
    ]);
  });

  it("writes again no sooner than after the interval", async () => {
    const { calls, turn, state } = world({ entries: [entry("a", "2")], records: [record("a", "1")] });
    await turn();
    state.nowMs = 1000;
    expect(await turn()).toEqual({ requeueAfterMs: 4000 });
    state.nowMs = 5000;
    await turn();
    expect(calls.filter((call) => call.startsWith("patch"))).toHaveLength(2);
  });

  it("settles nothing when a write fails, so that nothing is lost", async () => {
    const { calls, turn } = world({
      entries: [entry("a", "2")],
      fail: () => apiError(503, "ServiceUnavailable"),
    });
    await expect(turn()).rejects.toThrow("ServiceUnavailable");
    expect(calls).toEqual([]);
  });

  it.each([401, 403])("lets nobody try again for long after a %i", async (code) => {
    const { turn, rounds } = world({ entries: [entry("a", "2")], fail: () => apiError(code, "Refused") });
    await expect(turn()).rejects.toThrow("Refused");
    expect(await turn()).toEqual({ requeueAfterMs: 30_000 });
    expect(rounds.waitMs("another")).toBe(30_000);
  });

  it.each([
    {
      when: "its namespace is going",
      error: apiError(403, "Forbidden", { causes: [{ reason: "NamespaceTerminating" }] }),
    },
    { when: "its namespace is gone", error: apiError(404, "NotFound", { kind: "namespaces", name: "ns" }) },
    { when: "the API server finds it invalid", error: apiError(422, "Invalid") },
  ])("goes on with the others when one cannot be recorded: $when", async ({ error }) => {
    const { calls, turn } = world({
      entries: [entry("a", "2"), entry("b", "1")],
      fail: (call) => (call === "create edge-1.uid-a" ? error : undefined),
    });
    expect(await turn()).toBe(DONE);
    expect(calls).toEqual(["create edge-1.uid-b", "patch edge-1.uid-b", "settle edge-1 m"]);
  });

  it("tries again when the kind itself is not served", async () => {
    const { turn } = world({ entries: [entry("a", "2")], fail: () => apiError(404, "NotFound") });
    await expect(turn()).rejects.toThrow("NotFound");
  });

  it.each([
    { when: "another has made the record", verb: "create", error: apiError(409, "AlreadyExists") },
    { when: "another has removed the record", verb: "delete", error: apiError(404, "NotFound") },
  ])("takes for done what was done when $when", async ({ verb, error }) => {
    const { turn, calls } = world({
      entries: [entry("a", "2")],
      records: [record("old", "1")],
      fail: (call) => (call.startsWith(verb) ? error : undefined),
    });
    expect(await turn()).toBe(DONE);
    expect(calls.at(-1)).toBe("settle edge-1 m");
  });

  it("removes all records of a Node that is gone, and looks again until none is left", async () => {
    const records = [record("a", "1"), record("b", "1")];
    const { turn, calls } = world({ hasNode: false, records });
    expect(await turn()).toEqual({ requeueAfterMs: 1000 });
    expect(calls).toEqual(["delete edge-1.uid-a", "delete edge-1.uid-b"]);
    records.length = 0;
    expect(await turn()).toBe(DONE);
    expect(calls.at(-1)).toBe("settle edge-1 m");
  });

  it("removes nothing before Redis knows again what the node has acked", async () => {
    const { turn, calls, restored } = world({
      isEstablished: false,
      entries: [entry("a", "1")],
      records: [record("a", "1")],
    });
    await turn();
    expect(restored).toMatchObject([{ name: "a", resourceVersion: "1" }]);
    expect(calls).toEqual(["settle edge-1 m"]);
  });

  it("restores nothing of a Node that went and came back before its records were gone", async () => {
    const { deps, rounds, turn } = world({ records: [record("a", "1")] });
    rounds.left(NODE);
    expect(recordsToRestore(deps, NODE)).toEqual([]);
    await turn();
    expect(recordsToRestore(deps, NODE)).toHaveLength(1);
  });

  it("cannot tell what to restore before the records were read", () => {
    const { deps } = world({});
    const unread = { ...deps, caches: { ...deps.caches, areSynced: () => false } };
    expect(() => recordsToRestore(unread, NODE)).toThrow(expect.objectContaining({ code: "UNAVAILABLE" }));
  });
});
