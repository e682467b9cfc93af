// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { podOf } from "../fakes.ts";
import type { ObservedContainer, ObservedPod } from "../../../src/pods/model/observed.ts";
import type { PodStatus } from "../../../src/pods/model/pod-status.ts";
import type { Pod } from "../../../src/pods/model/pod.ts";
import type { StatusContext } from "../../../src/pods/status/context.ts";
import { statusPatch } from "../../../src/pods/status/patch.ts";
import { livePhase, podStatus } from "../../../src/pods/status/status.ts";
import { duration } from "../../../src/pods/status/waiting.ts";

const T0 = "2026-11-21T02:07:05Z";
const UID = "95e65bbb-9d1c-42fd-8b48-56d26aabde40";
const IMAGE = "docker.io/library/busybox:1.36";
const MOUNT = {
  name: "kube-api-access-c9758",
  readOnly: true,
  mountPath: "/var/run/secrets/kubernetes.io/serviceaccount",
};
/** The pod of a recording of a real EdgeCore. */
const golden: Pod = {
  ...podOf(
    "p1",
    { hostNetwork: true, containers: [{ name: "c", image: IMAGE, volumeMounts: [MOUNT] }] },
    UID,
  ),
};

const observed = (over: Partial<ObservedContainer>, ready = true): ObservedPod => ({
  uid: UID,
  name: "p1",
  namespace: "default",
  sandboxes: [{ id: "s", attempt: 0, ready, createdAtMs: 1, ip: "", additionalIps: [] }],
  containers: [
    {
      id: "c2a7a149379b596828da8bfc650b06b00a71408071ef0a5a823e0da747044939",
      name: "c",
      attempt: 0,
      sandboxId: "s",
      phase: "running",
      createdAtMs: Date.parse(T0),
      startedAtMs: Date.parse(T0),
      finishedAtMs: 0,
      exitCode: 0,
      reason: "",
      message: "",
      image: IMAGE,
      imageRef: "sha256:cb814073377e01dc38661e7bbd13e544529d07a015dea63cb3c1de5fca2e0e97",
      annotations: {},
      terminationPath: "",
      ...over,
    },
  ],
});

const context = (over: Partial<StatusContext> = {}): StatusContext => ({
  pod: golden,
  observed: undefined,
  nodeIp: "192.0.2.2",
  startTime: T0,
  now: T0,
  nowMs: 0,
  waits: {},
  restartAtMs: {},
  restartDelayMs: {},
  probes: {},
  attempts: {},
  previous: undefined,
  terminal: undefined,
  ended: false,
  ...over,
});

describe("podStatus against frames of a real EdgeCore", () => {
  const first = podStatus(context());
  const running = podStatus(
    context({ observed: observed({}), previous: first, now: "2026-11-21T02:07:06Z" }),
  );

  it("reports a new pod with the same patch", () => {
    expect(statusPatch(UID, { phase: "Pending", qosClass: "BestEffort" }, first)).toBe(
      `{"metadata":{"uid":"${UID}"},"status":{"conditions":[{"lastProbeTime":null,"lastTransitionTime":"2026-11-21T02:07:05Z","status":"False","type":"PodReadyToStartContainers"},{"lastProbeTime":null,"lastTransitionTime":"2026-11-21T02:07:05Z","status":"True","type":"Initialized"},{"lastProbeTime":null,"lastTransitionTime":"2026-11-21T02:07:05Z","message":"containers with unready status: [c]","reason":"ContainersNotReady","status":"False","type":"Ready"},{"lastProbeTime":null,"lastTransitionTime":"2026-11-21T02:07:05Z","message":"containers with unready status: [c]","reason":"ContainersNotReady","status":"False","type":"ContainersReady"},{"lastProbeTime":null,"lastTransitionTime":"2026-11-21T02:07:05Z","status":"True","type":"PodScheduled"}],"containerStatuses":[{"image":"docker.io/library/busybox:1.36","imageID":"","lastState":{},"name":"c","ready":false,"restartCount":0,"started":false,"state":{"waiting":{"reason":"ContainerCreating"}},"volumeMounts":[{"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount","name":"kube-api-access-c9758","readOnly":true,"recursiveReadOnly":"Disabled"}]}],"hostIP":"192.0.2.2","hostIPs":[{"ip":"192.0.2.2"}],"podIP":"192.0.2.2","podIPs":[{"ip":"192.0.2.2"}],"startTime":"2026-11-21T02:07:05Z"}}`,
    );
  });

  it("reports Running with the same patch", () => {
    expect(statusPatch(UID, first, running)).toBe(
      `{"metadata":{"uid":"${UID}"},"status":{"$setElementOrder/conditions":[{"type":"PodReadyToStartContainers"},{"type":"Initialized"},{"type":"Ready"},{"type":"ContainersReady"},{"type":"PodScheduled"}],"conditions":[{"lastTransitionTime":"2026-11-21T02:07:06Z","status":"True","type":"PodReadyToStartContainers"},{"lastTransitionTime":"2026-11-21T02:07:06Z","message":null,"reason":null,"status":"True","type":"Ready"},{"lastTransitionTime":"2026-11-21T02:07:06Z","message":null,"reason":null,"status":"True","type":"ContainersReady"}],"containerStatuses":[{"containerID":"containerd://c2a7a149379b596828da8bfc650b06b00a71408071ef0a5a823e0da747044939","image":"docker.io/library/busybox:1.36","imageID":"sha256:cb814073377e01dc38661e7bbd13e544529d07a015dea63cb3c1de5fca2e0e97","lastState":{},"name":"c","ready":true,"restartCount":0,"started":true,"state":{"running":{"startedAt":"2026-11-21T02:07:05Z"}},"volumeMounts":[{"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount","name":"kube-api-access-c9758","readOnly":true,"recursiveReadOnly":"Disabled"}]}],"phase":"Running"}}`,
    );
  });

  it("reports the end of a deleted pod with the same fields", () => {
    const dead = observed(
      { phase: "exited", exitCode: 137, reason: "Error", finishedAtMs: Date.parse("2026-11-21T02:08:33Z") },
      false,
    );
    const final = podStatus(
      context({ observed: dead, previous: running, ended: true, now: "2026-11-21T02:08:33Z" }),
    );
    const patch = JSON.parse(statusPatch(UID, running, final) ?? "") as { status: PodStatus };
    expect(patch.status.phase).toBe("Failed");
    expect(patch.status.conditions).toEqual([
      { lastTransitionTime: "2026-11-21T02:08:33Z", status: "False", type: "PodReadyToStartContainers" },
      { lastTransitionTime: "2026-11-21T02:08:33Z", reason: "PodFailed", status: "False", type: "Ready" },
      {
        lastTransitionTime: "2026-11-21T02:08:33Z",
        reason: "PodFailed",
        status: "False",
        type: "ContainersReady",
      },
    ]);
    expect(patch.status.containerStatuses?.[0]?.state.terminated).toMatchObject({
      exitCode: 137,
      reason: "Error",
      finishedAt: "2026-11-21T02:08:33Z",
    });
    const forgotten = podStatus(
      context({ observed: undefined, previous: final, ended: true, attempts: { c: 0 } }),
    );
    expect(statusPatch(UID, final, forgotten)).toBeUndefined();
  });
});

describe("statusPatch", () => {
  const base = podStatus(context({ observed: observed({}) }));
  it("is nothing when nothing differs", () => {
    expect(statusPatch(UID, base, base)).toBeUndefined();
  });
  it("is complete without a base, and clears reasons that do not hold", () => {
    const { status } = JSON.parse(statusPatch(UID, undefined, base) ?? "") as { status: PodStatus };
    expect(status).toMatchObject({ phase: "Running", qosClass: "BestEffort", startTime: T0 });
    expect(status.conditions.find((c) => c.type === "Ready")).toMatchObject({
      status: "True",
      reason: null,
      message: null,
    });
  });
  it("deletes an address that is no longer true, for lists of addresses merge", () => {
    const { status } = JSON.parse(
      statusPatch(UID, { ...base, podIPs: [{ ip: "10.0.0.9" }] }, base) ?? "",
    ) as { status: unknown };
    expect(status).toEqual({
      "$setElementOrder/podIPs": [{ ip: "192.0.2.2" }],
      podIPs: [{ ip: "192.0.2.2" }, { $patch: "delete", ip: "10.0.0.9" }],
    });
  });
  it("leaves conditions and fields that others own alone", () => {
    const others = {
      ...base,
      conditions: [...base.conditions, { type: "HeldUpgrade", status: "True" as const }],
      resize: "Proposed",
    };
    expect(statusPatch(UID, others, base)).toBeUndefined();
  });
});

describe("podStatus", () => {
  const crashed = observed({
    phase: "exited",
    exitCode: 3,
    reason: "Error",
    message: "bye",
    finishedAtMs: 9_000,
  });
  it("shows CrashLoopBackOff while a restart is held back, with the exit as the last state", () => {
    const status = podStatus(context({ observed: crashed, restartAtMs: { c: 10_000 }, nowMs: 1 }));
    expect(status).toMatchObject({
      phase: "Running",
      containerStatuses: [
        {
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: { terminated: { exitCode: 3, message: "bye" } },
        },
      ],
    });
  });
  it("says how long a restart is held back, of which container and pod", () => {
    const over = { observed: crashed, restartAtMs: { c: 10_000 }, restartDelayMs: { c: 20_000 }, nowMs: 1 };
    expect(podStatus(context(over)).containerStatuses?.[0]?.state.waiting?.message).toBe(
      `back-off 20s restarting failed container=c pod=p1_default(${UID})`,
    );
  });
  it.each([
    [10_000, "10s"],
    [80_000, "1m20s"],
    [300_000, "5m0s"],
  ])("prints %d ms as %s", (ms, text) => expect(duration(ms)).toBe(text));
  it.each([
    ["RunContainerError while it is fresh", 4_000, "RunContainerError"],
    ["CrashLoopBackOff for the rest of the back-off", 6_000, "CrashLoopBackOff"],
    ["RunContainerError again until the next start has told its end", 11_000, "RunContainerError"],
  ])("shows of a container that could not be started %s", (_title, nowMs, reason) => {
    const waits = { c: { reason: "RunContainerError", message: "no such file", untilMs: 5_000 } };
    const status = podStatus(context({ observed: crashed, waits, restartAtMs: { c: 10_000 }, nowMs }));
    expect(status.containerStatuses?.[0]?.state.waiting?.reason).toBe(reason);
  });
  it("shows at every container why the pod as a whole does not start", () => {
    const wait = { reason: "FailedMount", message: 'configmap "cm" not found' };
    const status = podStatus(context({ waits: { "": { ...wait, untilMs: 5 } } }));
    expect(status.containerStatuses?.[0]?.state).toEqual({
      waiting: { reason: "ContainerCreating", message: 'FailedMount: configmap "cm" not found' },
    });
  });

  describe("of a pod that is over", () => {
    const failed = { phase: "Failed", reason: "DeadlineExceeded" } as const;
    const UNKNOWN = { exitCode: 137, reason: "ContainerStatusUnknown" };
    const initPod = podOf(
      "p1",
      { initContainers: [{ name: "i", image: IMAGE }], containers: [{ name: "c", image: IMAGE }] },
      UID,
    );
    const waits = { c: { reason: "ContainerCreating", message: "pulling", untilMs: Infinity } };
    it.each([
      ["was never made", { waits }],
      ["was made and never started", { observed: observed({ phase: "created" }) }],
      ["the runtime lost", { previous: podStatus(context({ observed: observed({}) })) }],
    ])("says ContainerStatusUnknown for a container that %s", (_title, over) => {
      const status = podStatus(context({ ...over, terminal: failed }));
      expect(status.phase).toBe("Failed");
      expect(status.containerStatuses?.[0]?.state).toEqual({ terminated: expect.objectContaining(UNKNOWN) });
    });
    it("leaves containers waiting whose turn never came", () => {
      const status = podStatus(context({ pod: initPod, terminal: failed }));
      const states = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
      expect(states.map((s) => s.state.waiting?.reason)).toEqual(["PodInitializing", "PodInitializing"]);
    });
    it("takes the last known end of a container that was held back", () => {
      const looping = podStatus(context({ observed: crashed, restartAtMs: { c: 10_000 }, nowMs: 1 }));
      const status = podStatus(context({ previous: looping, ended: true }));
      expect(status.containerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 3, message: "bye" });
    });
  });
  it("shows why a start waits", () => {
    const waits = { c: { reason: "ErrImagePull", message: "no such host", untilMs: 5 } };
    expect(podStatus(context({ waits })).containerStatuses?.[0]?.state).toEqual({
      waiting: { reason: "ErrImagePull", message: "no such host" },
    });
  });
  it("keeps the address and the transition times of a status that does not change", () => {
    const before = podStatus(context({ observed: observed({}) }));
    const after = podStatus(
      context({ observed: observed({}), previous: before, now: "2030-01-01T00:00:00Z" }),
    );
    expect(after).toEqual(before);
  });
  it("never takes Succeeded or Failed back", () => {
    const previous = { ...podStatus(context()), phase: "Succeeded" as const };
    expect(podStatus(context({ observed: observed({}), previous })).phase).toBe("Succeeded");
  });
  it("is not Ready before the readiness probe answers, nor before a readiness gate is met", () => {
    const probed = podOf(
      "p1",
      { containers: [{ name: "c", image: IMAGE, readinessProbe: { exec: {} } }], hostNetwork: true },
      UID,
    );
    expect(podStatus(context({ pod: probed, observed: observed({}) })).containerStatuses?.[0]).toMatchObject({
      ready: false,
      started: true,
    });
    expect(
      podStatus(context({ pod: probed, observed: observed({}), probes: { c: { ready: true } } }))
        .containerStatuses?.[0]?.ready,
    ).toBe(true);
    const gated = podOf(
      "p1",
      {
        containers: [{ name: "c", image: IMAGE }],
        hostNetwork: true,
        readinessGates: [{ conditionType: "x/y" }],
      },
      UID,
    );
    const conditions = podStatus(context({ pod: gated, observed: observed({}) })).conditions;
    expect(conditions.find((c) => c.type === "Ready")).toMatchObject({
      status: "False",
      reason: "ReadinessGatesNotReady",
    });
    expect(conditions.find((c) => c.type === "ContainersReady")?.status).toBe("True");
  });
  it("shows PodInitializing and the unfinished init containers", () => {
    const pod = podOf(
      "p1",
      {
        initContainers: [{ name: "i", image: IMAGE }],
        containers: [{ name: "c", image: IMAGE }],
        hostNetwork: true,
      },
      UID,
    );
    const status = podStatus(context({ pod, observed: { ...observed({ name: "i" }) } }));
    expect(status.phase).toBe("Pending");
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: "PodInitializing" } });
    expect(status.conditions.find((c) => c.type === "Initialized")).toMatchObject({
      status: "False",
      message: "containers with incomplete status: [i]",
    });
  });
});

describe("podStatus of a pod that someone looks into", () => {
  const look = { name: "look", image: IMAGE, volumeMounts: [MOUNT] };
  const pod = { ...golden, spec: { ...golden.spec, ephemeralContainers: [look] } };
  const main = observed({}).containers;
  const beside = (over: Partial<ObservedContainer>): ObservedPod => ({
    ...observed({}),
    containers: [...main, ...observed({ id: "1", name: "look", ...over }).containers],
  });
  const lookOf = (over: Partial<StatusContext>) =>
    podStatus(context({ pod, observed: observed({}), ...over })).ephemeralContainerStatuses;
  const plain = podStatus(context({ observed: observed({}) }));
  const pulling = { look: { reason: "ErrImagePull", message: "no such host", untilMs: 5 } };
  const finishedAtMs = Date.parse("2026-11-21T02:07:09Z");

  it.each<[string, Partial<StatusContext>, object]>([
    ["has not begun", {}, { waiting: { reason: "ContainerCreating" } }],
    ["waits", { waits: pulling }, { waiting: { reason: "ErrImagePull", message: "no such host" } }],
    ["was made", { observed: beside({ phase: "created" }) }, { waiting: { reason: "ContainerCreating" } }],
    ["runs", { observed: beside({}), attempts: { look: 0 } }, { running: { startedAt: T0 } }],
    [
      "has ended",
      {
        observed: beside({ phase: "exited", exitCode: 3, finishedAtMs }),
        attempts: { look: 0 },
        restartAtMs: { look: 9_000 },
        waits: { look: { reason: "RunContainerError", message: "", untilMs: 9_000 } },
      },
      { terminated: expect.objectContaining({ exitCode: 3, reason: "Error" }) },
    ],
    [
      "was removed by somebody",
      { attempts: { look: 0 } },
      { terminated: expect.objectContaining({ exitCode: 137, reason: "ContainerStatusUnknown" }) },
    ],
  ])(
    "says the same of its own containers and its conditions when the ephemeral one %s",
    (_t, over, state) => {
      const { ephemeralContainerStatuses, ...rest } = podStatus(
        context({ pod, observed: observed({}), ...over }),
      );
      expect(rest).toEqual(plain);
      expect(ephemeralContainerStatuses).toEqual([
        expect.objectContaining({ name: "look", state, lastState: {}, ready: false, restartCount: 0 }),
      ]);
      expect(ephemeralContainerStatuses?.[0]).not.toHaveProperty("started");
      expect(ephemeralContainerStatuses?.[0]?.volumeMounts).toEqual(
        plain.containerStatuses?.[0]?.volumeMounts,
      );
    },
  );

  it("remembers the end of one that the runtime forgot", () => {
    const previous = podStatus(
      context({ pod, observed: beside({ phase: "exited", exitCode: 3, finishedAtMs }) }),
    );
    expect(lookOf({ previous, attempts: { look: 0 } })).toEqual(previous.ephemeralContainerStatuses);
  });
  it("does not say that one began that never did, when the pod is over", () => {
    const terminal = { phase: "Failed" } as const;
    expect(lookOf({ observed: undefined, terminal })?.[0]?.state).toEqual({
      waiting: { reason: "ContainerCreating" },
    });
  });
  it("does not wait for init containers with it", () => {
    const initContainers = [{ name: "i", image: IMAGE }];
    const withInit = { ...pod, spec: { ...pod.spec, initContainers } };
    expect(lookOf({ pod: withInit, observed: observed({ name: "i" }) })?.[0]?.state).toEqual({
      waiting: { reason: "ContainerCreating" },
    });
  });
  it("patches its list whole, for the API does not merge it, and only when it differs", () => {
    const next = podStatus(context({ pod, observed: beside({}) }));
    const { status } = JSON.parse(statusPatch(UID, plain, next) ?? "") as { status: unknown };
    expect(status).toEqual({ ephemeralContainerStatuses: next.ephemeralContainerStatuses });
    expect(statusPatch(UID, next, next)).toBeUndefined();
  });
});

describe("livePhase", () => {
  const state = (s: "waiting" | "running" | number, lastExit?: number): never =>
    ({
      state: typeof s === "number" ? { terminated: { exitCode: s } } : { [s]: {} },
      lastState: lastExit === undefined ? {} : { terminated: { exitCode: lastExit } },
    }) as never;
  it.each([
    ["Always", true, [state("waiting")], "Pending"],
    ["Always", false, [state("running")], "Pending"],
    ["Always", true, [state("running"), state("waiting")], "Pending"],
    ["Always", true, [state("running"), state("waiting", 1)], "Running"],
    ["Always", true, [state(0)], "Running"],
    ["OnFailure", true, [state(0)], "Succeeded"],
    ["OnFailure", true, [state(1)], "Running"],
    ["Never", true, [state(0), state(1)], "Failed"],
    ["Never", true, [state(0), state("running")], "Running"],
  ] as const)("policy %s, initialized %s → %s is %s", (policy, initialized, statuses, phase) => {
    expect(livePhase(policy, initialized, statuses)).toBe(phase);
  });
});
