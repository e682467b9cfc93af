// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { systemClock } from "../../../src/clock.ts";
import { CriError } from "../../../src/cri/index.ts";
import { byNewest, type ObservedContainer, type ObservedPod } from "../../../src/pods/model/observed.ts";
import type { PodStatus } from "../../../src/pods/model/pod-status.ts";
import type { PodContext } from "../../../src/pods/worker/context.ts";
import { identityOf } from "../../../src/pods/worker/state.ts";
import { PodWorker } from "../../../src/pods/worker/worker.ts";
import { deferred, MemoryRecords, podOf, silent } from "../fakes.ts";

const pod = podOf("p", {
  containers: [{ name: "c", image: "i" }],
  ephemeralContainers: [{ name: "look", image: "i", targetContainerName: "c" }],
});

/** A runtime in memory: of each attempt it has one container at most, and starts none twice. */
class FakeRuntime {
  containers: ObservedContainer[] = [containerOf("c", "running")];
  /** names of what was started */
  readonly starts: string[] = [];

  create(name: string, attempt: number): string {
    if (this.containers.some((c) => c.name === name && c.attempt === attempt))
      throw new CriError("RUNTIME", "CreateContainer", "the name is reserved");
    const made = containerOf(name, "created", attempt);
    this.containers.push(made);
    return made.id;
  }
  start(id: string): void {
    const made = this.containers.find((c) => c.id === id);
    if (made?.phase !== "created") throw new CriError("RUNTIME", "StartContainer", "not in created state");
    this.starts.push(made.name);
    this.#become(made, "running");
  }
  end(name: string): void {
    for (const c of this.containers.filter((other) => other.name === name && other.phase === "running"))
      this.#become(c, "exited");
  }
  remove(name: string): void {
    this.containers = this.containers.filter((c) => c.name !== name);
  }
  look(): ObservedPod {
    const sandbox = { id: "s", attempt: 0, ready: true, createdAtMs: 1, ip: "10.0.0.2", additionalIps: [] };
    return { ...identityOf(pod), sandboxes: [sandbox], containers: [...this.containers].sort(byNewest) };
  }
  #become(c: ObservedContainer, phase: ObservedContainer["phase"]): void {
    this.containers = this.containers.map((other) => (other === c ? { ...c, phase } : other));
  }
}

const containerOf = (name: string, phase: ObservedContainer["phase"], attempt = 0): ObservedContainer => ({
  ...{ id: `${name}-${attempt}`, name, attempt, phase, sandboxId: "s", exitCode: 0 },
  ...{ createdAtMs: 1, startedAtMs: 2, finishedAtMs: 3, reason: "", message: "" },
  ...{ image: "i", imageRef: "sha256:1", annotations: {}, terminationPath: "" },
});

/** A process that dies at its n-th step: nothing of it goes on, and nothing that it asks for happens any more. */
function mortal(lastStep: number) {
  const died = deferred<"died">();
  let steps = 0;
  const step = (): Promise<void> => {
    steps += 1;
    if (steps <= lastStep) return Promise.resolve();
    died.resolve("died");
    return new Promise(() => undefined);
  };
  return {
    died: died.promise,
    /** Dies before the work, after it, or not at all. */
    do: async <T>(work: () => T | Promise<T>): Promise<T> => {
      await step();
      const done = await work();
      await step();
      return done;
    },
  };
}

let rootDir: string;
beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), "once-"));
});
afterEach(() => rm(rootDir, { recursive: true, force: true }));

/** One life of the agent, until the ephemeral container is reported as running or ended, or the life ends. */
async function live(runtime: FakeRuntime, records: MemoryRecords, lastStep = Infinity) {
  const life = mortal(lastStep);
  const told = deferred<PodStatus>();
  let seen = runtime.look();
  const mine = new MemoryRecords();
  mine.get = (bucket, key) => records.get(bucket, key);
  mine.put = (bucket, key, value) => life.do(() => records.put(bucket, key, value));
  const context = {
    cri: {
      createContainer: (_: string, { metadata }: { metadata: { name: string; attempt: number } }) =>
        life.do(() => runtime.create(metadata.name, metadata.attempt)),
      startContainer: (id: string) => life.do(() => runtime.start(id)),
    },
    clock: systemClock,
    log: silent,
    records: mine,
    uplink: { isConnected: () => false },
    sender: {
      set: (_: unknown, status: PodStatus) => {
        const state = status.ephemeralContainerStatuses?.[0]?.state;
        if (state?.running ?? state?.terminated) told.resolve(status);
      },
    },
    images: {
      ensure: () =>
        life.do(() => ({ kind: "ready", image: { ref: "i", user: { uid: 0n, name: "" } } }) as const),
    },
    events: { emit: () => undefined },
    mounter: { below: () => Promise.resolve([]) },
    objects: () => ({ get: () => Promise.resolve(undefined) }),
    node: {
      name: "n",
      ip: "192.0.2.1",
      allocatable: () => ({ cpuMilli: 1, memoryBytes: 1, ephemeralStorageBytes: 1 }),
    },
    limits: { nodeMemoryBytes: 1, ownOomScoreAdj: 0, cpuQuotaEnabled: true },
    options: {
      rootDir,
      podLogsDir: rootDir,
      cgroupParent: "/x",
      cgroupDriver: "cgroupfs",
      clusterDns: { servers: [], domain: "" },
      requestTimeoutMs: 1,
    },
    hostDns: () => ({ servers: [], searches: [], options: [] }),
    relist: () =>
      life.do(() => {
        seen = runtime.look();
      }),
    countAction: () => undefined,
  } as unknown as PodContext;
  const worker = new PodWorker(context, identityOf(pod), {
    view: () => ({ synced: true, pod: seen }),
    onForgotten: () => undefined,
  });
  worker.setDesired(pod);
  const end = await Promise.race([life.died, told.promise]);
  worker.stop();
  return end;
}

describe("an ephemeral container", () => {
  it.each<[string, (runtime: FakeRuntime) => void]>([
    ["", () => undefined],
    [", though it has ended meanwhile", (runtime) => runtime.end("look")],
  ])("is started once, wherever the agent dies on the way%s", async (_title, meanwhile) => {
    let ends = 0;
    for (let lastStep = 0; ends === lastStep; lastStep++) {
      const [runtime, records] = [new FakeRuntime(), new MemoryRecords()];
      if ((await live(runtime, records, lastStep)) === "died") ends += 1;
      meanwhile(runtime);
      await live(runtime, records);
      expect({ lastStep, starts: runtime.starts }).toEqual({ lastStep, starts: ["look"] });
      expect(runtime.containers.map(({ id }) => id)).toEqual(["c-0", "look-0"]);
    }
    // accept, image, create, record, start, look: before and after each
    expect(ends).toBeGreaterThanOrEqual(12);
  });

  it("is not started again when somebody has removed it from the runtime", async () => {
    const [runtime, records] = [new FakeRuntime(), new MemoryRecords()];
    await live(runtime, records);
    runtime.remove("look");
    expect(await live(runtime, records)).toMatchObject({
      phase: "Running",
      ephemeralContainerStatuses: [{ state: { terminated: { exitCode: 137 } }, restartCount: 0 }],
    });
    expect(runtime.starts).toEqual(["look"]);
  });
});
