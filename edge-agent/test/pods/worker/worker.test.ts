// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { systemClock } from "../../../src/clock.ts";
import type { PodContext } from "../../../src/pods/worker/context.ts";
import { freshRecord, Journal } from "../../../src/pods/worker/journal.ts";
import { identityOf, PodState } from "../../../src/pods/worker/state.ts";
import { PodWorker } from "../../../src/pods/worker/worker.ts";
import { deferred, MemoryRecords, podOf, silent } from "../fakes.ts";

const pod = podOf("p", { containers: [{ name: "c", image: "i" }] });
const deleted = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
const identity = identityOf(pod);

interface Held<T> {
  readonly reached: Promise<undefined>;
  readonly release: (value: T) => void;
  readonly call: () => Promise<T>;
}

/** A call that tells when it was made and answers when it is told to. */
function held<T>(): Held<T> {
  const reached = deferred<undefined>();
  const answer = deferred<T>();
  const call = (): Promise<T> => {
    reached.resolve(undefined);
    return answer.promise;
  };
  return { reached: reached.promise, release: answer.resolve, call };
}

let rootDir: string;
beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), "worker-"));
});
afterEach(() => rm(rootDir, { recursive: true, force: true }));

/** What the workers of these tests use of the context. */
function contextOf(parts: { records?: MemoryRecords; runPodSandbox?: () => Promise<string> }) {
  const calls: string[] = [];
  const note = (call: string): void => void calls.push(call);
  const runPodSandbox = parts.runPodSandbox ?? (() => new Promise<string>(() => undefined));
  const context = {
    cri: { runPodSandbox },
    clock: systemClock,
    log: silent,
    records: parts.records ?? new MemoryRecords(),
    uplink: { isConnected: () => false },
    sender: { set: () => undefined, forget: () => undefined },
    tokens: { forget: () => Promise.resolve() },
    events: { emit: () => undefined },
    mounter: { below: () => Promise.resolve([]) },
    objects: () => ({ get: () => Promise.resolve(undefined) }),
    node: {
      name: "n",
      ip: "192.0.2.1",
      allocatable: () => ({ cpuMilli: 1, memoryBytes: 1, ephemeralStorageBytes: 1 }),
    },
    options: {
      rootDir,
      podLogsDir: rootDir,
      cgroupParent: "/longshore-worker-test",
      cgroupDriver: "cgroupfs",
      clusterDns: { servers: [], domain: "" },
      requestTimeoutMs: 1,
    },
    hostDns: () => ({ servers: [], searches: [], options: [] }),
    relist: () => {
      note("relist");
      return Promise.resolve();
    },
    countAction: (action: string) => note(action),
  } as unknown as PodContext;
  return { context, calls };
}

const nothingRuns = () => ({ synced: true, pod: undefined });

describe("PodWorker", () => {
  it("runs a pod that is wanted again while it is being forgotten", async () => {
    const records = new MemoryRecords();
    const forgetting = held<undefined>();
    records.delete = forgetting.call;
    const running = held<string>();
    let forgotten = 0;
    const { context } = contextOf({ records, runPodSandbox: running.call });
    const worker = new PodWorker(context, identity, {
      view: nothingRuns,
      onForgotten: () => void (forgotten += 1),
    });
    worker.setGone();
    await forgetting.reached;
    worker.setDesired(pod);
    forgetting.release(undefined);
    await running.reached;
    worker.stop();
    expect(forgotten).toBe(0);
  });

  it("does nothing more once it is stopped, also in the middle of a pass", async () => {
    const running = held<string>();
    const { context, calls } = contextOf({ runPodSandbox: running.call });
    const worker = new PodWorker(context, identity, { view: nothingRuns, onForgotten: () => undefined });
    worker.setDesired(pod);
    await running.reached;
    worker.stop();
    running.release("sandbox");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toEqual(["mountVolumes", "createSandbox"]);
  });
});

describe("PodState", () => {
  it("does not take an earlier clean-up for that of a pod that was wanted again meanwhile", () => {
    const state = new PodState(contextOf({}).context, identity);
    state.setGone();
    state.setDesired(pod);
    state.noteCleaned();
    state.noteApiDeleted();
    state.setDesired(deleted);
    expect(state.input(undefined, { stopping: {}, probes: {} }).cleaned).toBe(false);
    expect(state.apiDeleted).toBe(false);
  });
});

describe("Journal", () => {
  it("writes anew what could not be written, though nothing changed since", async () => {
    const records = new MemoryRecords();
    const journal = new Journal(records, silent, freshRecord(identity, "2026-01-01T00:00:00Z", 0));
    await journal.write({});
    const put = records.put.bind(records);
    records.put = () => Promise.reject(new Error("disk full"));
    const deletion = { startedAtMs: 1 };
    await expect(journal.write({ deletion })).rejects.toThrow("disk full");
    records.put = put;
    await journal.write({ deletion });
    expect(records.list("pods/state")[0]?.[1]).toMatchObject({ deletion });
  });

  it("waits for the same write that is still under way", async () => {
    const records = new MemoryRecords();
    const journal = new Journal(records, silent, freshRecord(identity, "2026-01-01T00:00:00Z", 0));
    await journal.write({});
    const writing = held<undefined>();
    records.put = writing.call;
    journal.writeSoon({ sandboxAttempt: 3 });
    let durable = false;
    const second = journal.write({ sandboxAttempt: 3 }).then(() => {
      durable = true;
    });
    await writing.reached;
    expect(durable).toBe(false);
    writing.release(undefined);
    await second;
    expect(durable).toBe(true);
  });

  describe("of a pod that is forgotten", () => {
    const make = async () => {
      const records = new MemoryRecords();
      const journal = new Journal(records, silent, freshRecord(identity, "2026-01-01T00:00:00Z", 0));
      await journal.write({ deletion: { startedAtMs: 1 } });
      return { records, journal, stored: () => records.list("pods/state").length };
    };
    const settled = () => new Promise((resolve) => setImmediate(resolve));

    it.each<[string, (journal: Journal) => void]>([
      ["a status that comes too late", (journal) => journal.writeSoon({ sandboxAttempt: 3 })],
      ["a deletion that is taken back and asked for again", (journal) => journal.forgetDeletion()],
    ])("is not brought back by %s", async (_title, late) => {
      const { journal, stored } = await make();
      await journal.forget();
      late(journal);
      await settled();
      expect(stored()).toBe(0);
    });
    it("is not brought back by a write that was begun before", async () => {
      const { records, journal, stored } = await make();
      const writing = held<undefined>();
      const put = records.put.bind(records);
      records.put = async (bucket, key, value) => {
        await writing.call();
        await put(bucket, key, value);
      };
      journal.writeSoon({ sandboxAttempt: 1 });
      journal.writeSoon({ sandboxAttempt: 2 });
      const forgotten = journal.forget();
      writing.release(undefined);
      await forgotten;
      await settled();
      expect(stored()).toBe(0);
    });
    it("comes back when the pod is wanted again", async () => {
      const { journal, stored } = await make();
      await journal.forget();
      journal.forgetDeletion();
      await journal.write({});
      expect(stored()).toBe(1);
      expect(journal.value.deletion).toBeUndefined();
    });
  });
});
