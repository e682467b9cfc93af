// SPDX-License-Identifier: Apache-2.0
import { ContainerState, PodSandboxState, type Container, type PodSandbox } from "@longshore/crds/cri";
import { describe, expect, it } from "@jest/globals";
import type { KnownPod } from "../../src/pods/index.ts";
import { createPodLookup } from "../../src/streams/lookup.ts";
import { podOf } from "../pods/fakes.ts";
import { fakeClock } from "../tunnel/fakes.ts";

interface Made {
  readonly id: string;
  readonly attempt?: number;
  readonly state?: keyof typeof STATES;
  readonly uid?: string;
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  readonly createdAt?: number;
}

const STATES = {
  created: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_EXITED,
} as const;

const labelsOf = (made: Made): Record<string, string> => ({
  "io.kubernetes.pod.namespace": made.namespace ?? "default",
  "io.kubernetes.pod.name": made.pod ?? "web",
  "io.kubernetes.pod.uid": made.uid ?? "uid-web",
});
const container = (made: Made): Container =>
  ({
    id: made.id,
    state: STATES[made.state ?? "running"],
    metadata: { name: "main", attempt: made.attempt ?? 0 },
    createdAt: BigInt(made.createdAt ?? 1),
    labels: { ...labelsOf(made), "io.kubernetes.container.name": made.container ?? "main" },
  }) as unknown as Container;
const sandbox = (made: Made & { ready?: boolean }): PodSandbox =>
  ({
    id: made.id,
    state: made.ready === false ? PodSandboxState.SANDBOX_NOTREADY : PodSandboxState.SANDBOX_READY,
    metadata: { attempt: made.attempt ?? 0 },
    createdAt: BigInt(made.createdAt ?? 1),
    labels: labelsOf(made),
  }) as unknown as PodSandbox;

const WEB: KnownPod = { pod: podOf("web", { containers: [{ name: "main", image: "i" }] }), status: {} };
const TARGET = { namespace: "default", pod: "web", uid: "uid-web", container: "main" };

function make(containers: Made[], options: { known?: KnownPod; sandboxes?: PodSandbox[] } = {}) {
  const clock = fakeClock();
  const state = { looks: 0, fails: false, containers };
  const lookup = createPodLookup({
    cri: () => ({
      listContainers: () => {
        state.looks += 1;
        if (state.fails) return Promise.reject(new Error("away"));
        return Promise.resolve(state.containers.map(container));
      },
      listPodSandbox: () => Promise.resolve(options.sandboxes ?? []),
    }),
    pods: {
      get: (namespace, name) => (namespace === "default" && name === "web" ? options.known : undefined),
    },
    clock,
  });
  const idsOf = async (target: Partial<typeof TARGET> = {}): Promise<string[]> =>
    (await lookup.runs({ ...TARGET, ...target })).map(({ id }) => id);
  return { lookup, clock, state, idsOf };
}

describe("runs of a container", () => {
  it("are the newest first, by attempt and then by age, without what only was made", async () => {
    const { lookup } = make([
      { id: "a", attempt: 0, state: "exited" },
      { id: "c", attempt: 2, createdAt: 5 },
      { id: "b", attempt: 1, state: "exited" },
      { id: "c-old", attempt: 2, createdAt: 4, state: "exited" },
      { id: "d", attempt: 3, state: "created" },
      { id: "x", container: "other" },
    ]);
    expect(await lookup.runs(TARGET)).toEqual([
      { id: "c", podUid: "uid-web", attempt: 2, isRunning: true, willRestart: false },
      { id: "c-old", podUid: "uid-web", attempt: 2, isRunning: false },
      { id: "b", podUid: "uid-web", attempt: 1, isRunning: false },
      { id: "a", podUid: "uid-web", attempt: 0, isRunning: false },
    ]);
  });
  it("say that the newest will be started again while the pod waits for that", async () => {
    const waiting = [{ name: "main", state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: {} }];
    const known = { ...WEB, status: { containerStatuses: waiting } } as unknown as KnownPod;
    const { lookup } = make([{ id: "a", state: "exited" }], { known });
    expect(await lookup.runs(TARGET)).toMatchObject([{ id: "a", isRunning: false, willRestart: true }]);
  });
  it("B148 are those of that uid, name and namespace alone", async () => {
    const { idsOf } = make([
      { id: "elsewhere", namespace: "other" },
      { id: "reborn", uid: "uid-2", createdAt: 9 },
      { id: "mine" },
    ]);
    expect(await idsOf()).toEqual(["mine"]);
    await expect(idsOf({ uid: "uid-3" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(idsOf({ namespace: "third" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(idsOf({ pod: "db" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
  it("of an asker without a uid are those of the pod that is wanted here, else of the newest", async () => {
    const both = [
      { id: "mine", createdAt: 1 },
      { id: "reborn", uid: "uid-2", createdAt: 9 },
    ];
    expect(await make(both, { known: WEB }).idsOf({ uid: "" })).toEqual(["mine"]);
    expect(await make(both).idsOf({ uid: "" })).toEqual(["reborn"]);
    await expect(make([]).idsOf({ uid: "" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
  it("are none yet: the asker hears what the container waits for", async () => {
    await expect(make([{ id: "d", state: "created" }], { known: WEB }).idsOf()).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message: `container "main" in pod "web" is waiting to start: ContainerCreating`,
    });
    await expect(make([], { known: WEB }).idsOf({ uid: "uid-old" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});

describe("the sandbox of a pod", () => {
  it("is the newest one that is ready", async () => {
    const sandboxes = [
      sandbox({ id: "old", attempt: 0 }),
      sandbox({ id: "new", attempt: 1 }),
      sandbox({ id: "dead", attempt: 2, ready: false }),
      sandbox({ id: "elsewhere", attempt: 3, namespace: "other" }),
    ];
    expect(await make([], { sandboxes }).lookup.sandbox(TARGET)).toBe("new");
  });
  it("is not found where none is ready, or no such pod is here", async () => {
    const dead = make([], { sandboxes: [sandbox({ id: "dead", ready: false })] });
    await expect(dead.lookup.sandbox(TARGET)).rejects.toThrow(`pod "default/web" is not running`);
    await expect(make([]).lookup.sandbox(TARGET)).rejects.toThrow("does not exist on this node");
    await expect(make([], { known: WEB }).lookup.sandbox(TARGET)).rejects.toThrow("is not running");
  });
});

describe("whether a container runs", () => {
  it("costs one look a second, however many ask", async () => {
    const { lookup, clock, state } = make([{ id: "a" }, { id: "b", state: "exited" }]);
    const ask = () => Promise.all(["a", "b", "a", "c"].map((id) => lookup.isRunning(id)));
    expect(await ask()).toEqual([true, false, true, false]);
    clock.advance(999);
    await ask();
    expect(state.looks).toBe(1);
    state.containers = [];
    clock.advance(1);
    expect(await ask()).toEqual([false, false, false, false]);
    expect(state.looks).toBe(2);
  });
  it("is not answered of a run that was just found by a look that was before it", async () => {
    const { lookup, clock, state, idsOf } = make([{ id: "other" }]);
    expect(await lookup.isRunning("other")).toBe(true);
    clock.advance(10);
    state.containers = [{ id: "new" }];
    expect(await idsOf()).toEqual(["new"]);
    expect(await lookup.isRunning("new")).toBe(true);
  });
  it("is taken for granted while the runtime does not answer, and looked at again at once", async () => {
    const { lookup, state } = make([]);
    state.fails = true;
    expect(await lookup.isRunning("a")).toBe(true);
    state.fails = false;
    expect(await lookup.isRunning("a")).toBe(false);
  });
});
