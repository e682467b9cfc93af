// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { podOf } from "../fakes.ts";
import {
  byNewest,
  type ObservedContainer,
  type ObservedPod,
  type ObservedSandbox,
} from "../../../src/pods/model/observed.ts";
import type { Pod } from "../../../src/pods/model/pod.ts";
import { plan } from "../../../src/pods/plan/plan.ts";
import type { Action, PlanInput } from "../../../src/pods/plan/types.ts";

const NOW = 1_000_000;
const main = { name: "c", image: "busybox" };
const pod = podOf("p", { containers: [main] });
const withInit = podOf("p", { initContainers: [{ name: "i", image: "busybox" }], containers: [main] });
const policy = (restartPolicy: string, base: Pod = pod): Pod => ({
  ...base,
  spec: { ...base.spec, restartPolicy },
});

const sandbox = (over: Partial<ObservedSandbox> = {}): ObservedSandbox => ({
  id: "s0",
  attempt: 0,
  ready: true,
  createdAtMs: 1,
  ip: "10.0.0.2",
  additionalIps: [],
  ...over,
});
const container = (over: Partial<ObservedContainer> = {}): ObservedContainer => ({
  id: "c0",
  name: "c",
  attempt: 0,
  sandboxId: "s0",
  phase: "running",
  createdAtMs: 1,
  startedAtMs: 2,
  finishedAtMs: 0,
  exitCode: 0,
  reason: "",
  message: "",
  image: "busybox",
  imageRef: "sha256:1",
  annotations: {},
  terminationPath: "",
  ...over,
});
const exited = (exitCode: number, over: Partial<ObservedContainer> = {}): ObservedContainer =>
  container({ phase: "exited", exitCode, finishedAtMs: 3, ...over });
const seen = (sandboxes: ObservedSandbox[], containers: ObservedContainer[]): ObservedPod => ({
  uid: "uid-p",
  name: "p",
  namespace: "default",
  sandboxes: [...sandboxes].sort(byNewest),
  containers: [...containers].sort(byNewest),
});

const input = (over: Partial<PlanInput> = {}): PlanInput => ({
  want: "run",
  pod,
  observed: undefined,
  nowMs: NOW,
  restartAtMs: {},
  waits: {},
  stopping: {},
  probes: {},
  attempts: {},
  sandboxAttempt: -1,
  terminal: false,
  activeForMs: 0,
  deadlineMs: NOW + 1_000,
  volumesReady: true,
  cleaned: false,
  specHashes: {},
  ...over,
});

const start = (attempt: number, name = "c", sandboxId = "s0"): Action => ({
  kind: "startContainer",
  name,
  attempt,
  sandboxId,
});
const kill = (reason: string, over: Partial<Extract<Action, { kind: "killContainer" }>> = {}): Action =>
  ({ kind: "killContainer", id: "c0", name: "c", deadlineMs: NOW + 1_000, reason, ...over }) as Action;
const ended = (phase: "Succeeded" | "Failed", rest: object = {}): Action => ({
  kind: "markTerminal",
  end: { phase, ...rest },
});
const GRACE_MS = 1_000;

describe("plan: a pod that shall run", () => {
  const initPod = withInit;
  const sidecar = podOf("p", {
    initContainers: [{ name: "i", image: "busybox", restartPolicy: "Always" }],
    containers: [main],
  });
  const hostPod = podOf("p", { hostNetwork: true, containers: [main] });
  const deadlined = podOf("p", { activeDeadlineSeconds: 10, containers: [main] });
  const cases: [title: string, over: Partial<PlanInput>, actions: Action[], againAtMs?: number][] = [
    ["mounts volumes first", { volumesReady: false }, [{ kind: "mountVolumes" }]],
    ["makes the first sandbox", {}, [{ kind: "createSandbox", attempt: 0 }]],
    [
      "never reuses a sandbox attempt that it remembers",
      { sandboxAttempt: 4 },
      [{ kind: "createSandbox", attempt: 5 }],
    ],
    [
      "waits while a mount is held back",
      { volumesReady: false, waits: { "": { reason: "FailedMount", message: "", untilMs: NOW + 5 } } },
      [],
      NOW + 5,
    ],
    ["starts the container", { observed: seen([sandbox()], []) }, [start(0)]],
    ["leaves a running container alone", { observed: seen([sandbox()], [container()]) }, []],
    [
      "starts what was created and never started",
      { observed: seen([sandbox()], [container({ phase: "created" })]) },
      [{ kind: "startCreated", id: "c0", name: "c" }],
    ],
    ["restarts after an exit", { observed: seen([sandbox()], [exited(1)]) }, [start(1)]],
    [
      "holds a restart back for its back-off",
      { observed: seen([sandbox()], [exited(1)]), restartAtMs: { c: NOW + 9_000 } },
      [],
      NOW + 9_000,
    ],
    [
      "looks again when a failed start has been shown long enough, before its back-off ends",
      {
        observed: seen([sandbox()], [exited(128)]),
        restartAtMs: { c: NOW + 9_000 },
        waits: { c: { reason: "RunContainerError", message: "", untilMs: NOW + 1_000 } },
      },
      [],
      NOW + 1_000,
    ],
    [
      "holds a start back while the image is pulled, without a timer",
      {
        observed: seen([sandbox()], []),
        waits: { c: { reason: "ContainerCreating", message: "", untilMs: Infinity } },
      },
      [],
    ],
    [
      "goes on from the newest attempt that it remembers, after the runtime forgot all",
      { observed: seen([sandbox()], []), attempts: { c: 6 } },
      [start(7)],
    ],
    [
      "Never: an exit with 0 ends it",
      { pod: policy("Never"), observed: seen([sandbox()], [exited(0)]) },
      [ended("Succeeded")],
    ],
    [
      "Never: an exit with 1 ends it",
      { pod: policy("Never"), observed: seen([sandbox()], [exited(1)]) },
      [ended("Failed")],
    ],
    [
      "OnFailure: an exit with 0 ends it",
      { pod: policy("OnFailure"), observed: seen([sandbox()], [exited(0)]) },
      [ended("Succeeded")],
    ],
    [
      "OnFailure: an exit with 1 restarts it",
      { pod: policy("OnFailure"), observed: seen([sandbox()], [exited(1)]) },
      [start(1)],
    ],
    [
      "OnFailure: what succeeded in a lost sandbox is not run again",
      { pod: policy("OnFailure"), observed: seen([sandbox({ ready: false })], [exited(0)]) },
      [ended("Succeeded")],
    ],
    [
      "makes a new sandbox for a dead one",
      { observed: seen([sandbox({ ready: false })], [exited(255)]) },
      [{ kind: "createSandbox", attempt: 1 }],
    ],
    [
      "kills what survived its sandbox before it makes a new one",
      { observed: seen([sandbox({ ready: false })], [container()]) },
      [kill("SandboxGone")],
    ],
    [
      "counts on after a new sandbox",
      { observed: seen([sandbox({ id: "s1", attempt: 1 }), sandbox({ ready: false })], [exited(255)]) },
      [start(1, "c", "s1")],
    ],
    [
      "R41 in part: stops the older of two ready sandboxes",
      {
        observed: seen(
          [sandbox({ id: "s1", attempt: 1 }), sandbox()],
          [container({ id: "c1", sandboxId: "s1" })],
        ),
      },
      [{ kind: "stopSandbox", id: "s0" }],
    ],
    [
      "replaces a sandbox that lost its address",
      { observed: seen([sandbox({ ip: "" })], []) },
      [{ kind: "stopSandbox", id: "s0" }],
    ],
    [
      "needs no address on the host network",
      { pod: hostPod, observed: seen([sandbox({ ip: "" })], []) },
      [start(0)],
    ],
    [
      "stops a container whose spec changed",
      {
        observed: seen(
          [sandbox()],
          [container({ annotations: { "longshore.io/container-spec-hash": "old" } })],
        ),
        specHashes: { c: "new" },
      },
      [kill("SpecChanged")],
    ],
    [
      "leaves another agent's container with another kubelet hash alone",
      {
        observed: seen([sandbox()], [container({ annotations: { "io.kubernetes.container.hash": "old" } })]),
        specHashes: { c: "new" },
      },
      [],
    ],
    [
      "stops an unhealthy container",
      { observed: seen([sandbox()], [container()]), probes: { c: { live: false } } },
      [kill("Unhealthy")],
    ],
    [
      "does not stop twice",
      {
        observed: seen([sandbox()], [container()]),
        probes: { c: { live: false } },
        stopping: { c0: NOW + GRACE_MS },
      },
      [],
    ],
    [
      "B127 in part: stops a container of unknown state before it goes on",
      { observed: seen([sandbox()], [container({ phase: "unknown" })]) },
      [kill("Unknown")],
    ],
    [
      "starts the init container before the others",
      { pod: initPod, observed: seen([sandbox()], []) },
      [start(0, "i")],
    ],
    [
      "waits for a running init container",
      { pod: initPod, observed: seen([sandbox()], [container({ name: "i" })]) },
      [],
    ],
    [
      "starts the others once the init container succeeded",
      { pod: initPod, observed: seen([sandbox()], [exited(0, { name: "i" })]) },
      [start(0)],
    ],
    [
      "runs a failed init container again",
      { pod: initPod, observed: seen([sandbox()], [exited(2, { name: "i" })]) },
      [start(1, "i")],
    ],
    [
      "Never: a failed init container ends the pod",
      { pod: policy("Never", initPod), observed: seen([sandbox()], [exited(2, { name: "i" })]) },
      [ended("Failed")],
    ],
    [
      "does not run init containers again once a main container exists",
      { pod: initPod, observed: seen([sandbox()], [container()]) },
      [],
    ],
    [
      "runs init containers again in a new sandbox",
      {
        pod: initPod,
        observed: seen(
          [sandbox({ id: "s1", attempt: 1 }), sandbox({ ready: false })],
          [exited(0, { id: "i0", name: "i" }), exited(255)],
        ),
      },
      [start(1, "i", "s1")],
    ],
    [
      "does not wait for a sidecar to end",
      { pod: sidecar, observed: seen([sandbox()], [container({ name: "i", id: "i0" })]) },
      [start(0)],
    ],
    [
      "restarts a sidecar that ended",
      { pod: sidecar, observed: seen([sandbox()], [exited(0, { name: "i", id: "i0" }), container()]) },
      [start(1, "i")],
    ],
    [
      "looks again when the deadline is due",
      { pod: deadlined, observed: seen([sandbox()], [container()]), activeForMs: 4_000 },
      [],
      NOW + 6_000,
    ],
    [
      "ends a pod past its deadline",
      { pod: deadlined, observed: seen([sandbox()], [container()]), activeForMs: 10_000 },
      [
        ended("Failed", {
          reason: "DeadlineExceeded",
          message: "Pod was active on the node longer than the specified deadline",
        }),
      ],
    ],
    [
      "keeps only the newest dead container of a name",
      {
        observed: seen(
          [sandbox()],
          [container({ id: "c2", attempt: 2 }), exited(1, { id: "c1", attempt: 1 }), exited(1)],
        ),
      },
      [{ kind: "removeContainer", id: "c0" }],
    ],
    [
      "removes a dead sandbox once nothing is in it",
      {
        observed: seen(
          [sandbox({ id: "s1", attempt: 1 }), sandbox({ ready: false })],
          [container({ sandboxId: "s1" })],
        ),
      },
      [{ kind: "removeSandbox", id: "s0" }],
    ],
    [
      "ended: stops what still runs",
      { terminal: true, observed: seen([sandbox()], [container()]) },
      [kill("DeadlineExceeded")],
    ],
    [
      "ended: gives network and volumes back and starts nothing",
      { terminal: true, observed: seen([sandbox()], [exited(0)]) },
      [{ kind: "stopSandbox", id: "s0" }, { kind: "unmountVolumes" }],
    ],
    [
      "ended: rests",
      { terminal: true, volumesReady: false, observed: seen([sandbox({ ready: false })], [exited(0)]) },
      [],
    ],
  ];
  const table = cases.map(([title, over, actions, againAtMs]) => ({ title, over, actions, againAtMs }));
  it.each(table)("$title", ({ over, actions, againAtMs }) => {
    const result = plan(input(over));
    expect(result.actions).toEqual(actions);
    expect(result.againAtMs).toBe(againAtMs);
  });
});

describe("plan: a pod that someone looks into", () => {
  const look = { name: "look", image: "busybox", targetContainerName: "c" };
  const looked = podOf("p", { containers: [main], ephemeralContainers: [look] });
  const lookedInit = {
    ...looked,
    spec: { ...looked.spec, initContainers: [{ name: "i", image: "busybox" }] },
  };
  const it0 = (over: Partial<ObservedContainer>): ObservedContainer =>
    container({ id: "l0", name: "look", ...over });
  const cases: [title: string, over: Partial<PlanInput>, actions: Action[], againAtMs?: number][] = [
    [
      "starts it beside what runs, and touches nothing else",
      {
        observed: seen(
          [sandbox()],
          [container({ annotations: { "longshore.io/container-spec-hash": "h" } })],
        ),
        specHashes: { c: "h", look: "l" },
      },
      [start(0, "look")],
    ],
    [
      "waits for a sandbox",
      { observed: seen([sandbox({ ready: false })], []) },
      [{ kind: "createSandbox", attempt: 1 }],
    ],
    [
      "starts it before the others, and while init containers run",
      { pod: lookedInit, observed: seen([sandbox()], [container({ name: "i", id: "i0" })]) },
      [start(0, "look")],
    ],
    [
      "holds its start back like any other",
      {
        observed: seen([sandbox()], [container()]),
        waits: { look: { reason: "ImagePullBackOff", message: "", untilMs: NOW + 7 } },
      },
      [],
      NOW + 7,
    ],
    [
      "starts what was made and never started",
      { observed: seen([sandbox()], [container(), it0({ phase: "created" })]) },
      [{ kind: "startCreated", id: "l0", name: "look" }],
    ],
    ["leaves it alone while it runs", { observed: seen([sandbox()], [container(), it0({})]) }, []],
    [
      "leaves it alone though its own hash were another",
      {
        observed: seen(
          [sandbox()],
          [container(), it0({ annotations: { "longshore.io/container-spec-hash": "old" } })],
        ),
        specHashes: { look: "new" },
      },
      [],
    ],
    ...[0, 1, 128].map((exitCode): [string, Partial<PlanInput>, Action[]] => [
      `never starts it again after an exit with ${exitCode}`,
      { observed: seen([sandbox()], [container(), it0({ phase: "exited", exitCode })]) },
      [],
    ]),
    [
      "does not start it again when the runtime forgot it",
      { observed: seen([sandbox()], [container()]), attempts: { look: 0 } },
      [],
    ],
    [
      "does not start it again in a new sandbox",
      {
        observed: seen(
          [sandbox({ id: "s1", attempt: 1 }), sandbox({ ready: false })],
          [container({ id: "c1", sandboxId: "s1", attempt: 1 }), it0({ phase: "exited" })],
        ),
      },
      [],
    ],
    [
      "removes what was made in a sandbox that died before it was started, to make it in the new one",
      {
        observed: seen(
          [sandbox({ id: "s1", attempt: 1 }), sandbox({ ready: false })],
          [container({ id: "c1", sandboxId: "s1", attempt: 1 }), it0({ phase: "created" })],
        ),
      },
      [{ kind: "removeContainer", id: "l0" }],
    ],
    [
      "ends what survived its sandbox",
      { observed: seen([sandbox({ ready: false })], [it0({})]) },
      [kill("SandboxGone", { id: "l0", name: "look" })],
    ],
    [
      "ends one of unknown state",
      { observed: seen([sandbox()], [container(), it0({ phase: "unknown" })]) },
      [kill("Unknown", { id: "l0", name: "look" })],
    ],
    [
      "is over when its own containers are",
      { pod: policy("Never", looked), observed: seen([sandbox()], [exited(0), it0({})]) },
      [ended("Succeeded")],
    ],
    [
      "is not over when it was only looked into",
      { pod: policy("Never", looked), observed: seen([sandbox()], [container(), it0({ phase: "exited" })]) },
      [],
    ],
    [
      "ended: is looked into no longer",
      { terminal: true, observed: seen([sandbox()], [exited(0), it0({})]) },
      [kill("DeadlineExceeded", { id: "l0", name: "look" })],
    ],
    [
      "goes with it",
      { want: "delete", observed: seen([sandbox()], [exited(0), it0({})]) },
      [kill("Deleted", { id: "l0", name: "look" })],
    ],
  ];
  const table = cases.map(([title, over, actions, againAtMs]) => ({ title, over, actions, againAtMs }));
  it.each(table)("$title", ({ over, actions, againAtMs }) => {
    const result = plan(input({ pod: looked, ...over }));
    expect(result.actions).toEqual(actions);
    expect(result.againAtMs).toBe(againAtMs);
  });
});

describe("plan: a pod that shall go", () => {
  const cleanUp: Action[] = [
    { kind: "recordFinal" },
    { kind: "stopSandbox", id: "s0" },
    { kind: "unmountVolumes" },
    { kind: "removeSandbox", id: "s0" },
    { kind: "cleanUp" },
  ];
  const sidecar = podOf("p", {
    initContainers: [{ name: "i", image: "busybox", restartPolicy: "Always" }],
    containers: [main],
  });
  const both = seen([sandbox()], [container({ id: "i0", name: "i" }), container()]);
  const cases: [title: string, over: Partial<PlanInput>, actions: Action[]][] = [
    [
      "kills with the grace",
      { want: "delete", observed: seen([sandbox()], [container()]) },
      [kill("Deleted")],
    ],
    [
      "waits for a stop under way",
      { want: "delete", observed: seen([sandbox()], [container()]), stopping: { c0: NOW + 1_000 } },
      [],
    ],
    [
      "stops sooner when the grace was shortened",
      { want: "delete", observed: seen([sandbox()], [container()]), stopping: { c0: NOW + 30_000 } },
      [kill("Deleted")],
    ],
    [
      "keeps the final status before anything is removed",
      { want: "delete", observed: seen([sandbox()], [exited(137)]) },
      cleanUp,
    ],
    [
      "does the same for an object that is gone",
      { want: "gone", observed: seen([sandbox()], [exited(137)]) },
      cleanUp,
    ],
    ["deletes the API object last", { want: "delete", cleaned: true }, [{ kind: "deleteFromApi" }]],
    [
      "deletes nothing in the API when the object is gone there",
      { want: "gone", cleaned: true },
      [{ kind: "forget" }],
    ],
    [
      "cleans up a pod that never ran",
      { want: "gone" },
      [{ kind: "recordFinal" }, { kind: "unmountVolumes" }, { kind: "cleanUp" }],
    ],
    [
      "needs no pod object",
      { want: "gone", pod: undefined, observed: seen([sandbox()], [container()]) },
      [kill("Deleted")],
    ],
    [
      "ends sidecars after those that they serve",
      { want: "delete", pod: sidecar, observed: both },
      [kill("Deleted")],
    ],
    [
      "touches nothing before the inventory is complete",
      { want: "keep", pod: undefined, observed: seen([sandbox()], [container()]) },
      [],
    ],
  ];
  it.each(cases)("%s", (_title, over, actions) => {
    expect(plan(input(over)).actions).toEqual(actions);
  });
});

describe("plan: whatever the runtime shows", () => {
  const phases = fc.constantFrom("created", "running", "exited", "unknown") as fc.Arbitrary<
    ObservedContainer["phase"]
  >;
  const containers = fc.array(
    fc.record({
      name: fc.constantFrom("c", "i", "look", "other"),
      attempt: fc.nat(3),
      sandboxId: fc.constantFrom("s0", "s1"),
      phase: phases,
      exitCode: fc.nat(2),
    }),
    { maxLength: 5 },
  );
  const withLook = {
    ...withInit,
    spec: { ...withInit.spec, ephemeralContainers: [{ name: "look", image: "busybox" }] },
  };
  const world = fc.record({
    want: fc.constantFrom("keep", "run", "delete", "gone"),
    ready: fc.tuple(fc.boolean(), fc.boolean()),
    containers,
    policy: fc.constantFrom("Always", "OnFailure", "Never"),
    terminal: fc.boolean(),
    volumesReady: fc.boolean(),
  });

  it("R41 in part: never starts a container beside a living one of its name, never makes a second sandbox beside a ready one, and keeps what is unknown", () => {
    fc.assert(
      fc.property(world, (w) => {
        const all = w.containers.map((c, n) => container({ ...c, id: `x${n}` }));
        const observed = seen(
          w.ready.map((ready, n) => sandbox({ id: `s${n}`, attempt: n, ready })),
          all,
        );
        const result = plan(
          input({
            want: w.want,
            pod: policy(w.policy, withLook),
            observed,
            terminal: w.terminal,
            volumesReady: w.volumesReady,
          }),
        );
        if (w.want === "keep") expect(result.actions).toEqual([]);
        for (const action of result.actions) {
          if (action.kind === "createSandbox") expect(w.ready).toEqual([false, false]);
          if (action.kind !== "startContainer") continue;
          expect([w.want, w.terminal]).toEqual(["run", false]);
          expect(
            all.filter(
              (c) =>
                c.name === action.name && c.sandboxId === action.sandboxId && c.attempt === action.attempt,
            ),
          ).toEqual([]);
          if (action.name === "look") expect(all.filter((c) => c.name === "look")).toEqual([]);
          expect(
            all.some(
              (c) => c.name === action.name && c.phase === "running" && c.sandboxId !== action.sandboxId,
            ),
          ).toBe(false);
        }
      }),
    );
  });
});
