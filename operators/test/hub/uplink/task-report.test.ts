// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import { JOB_UID_LABEL, REPORT_LIMITS, reportName, type NodeTaskReport } from "@longshore/crds/tasks";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { createFakeClock, type FakeClock } from "../../runtime/fake-clock.ts";
import { uplinkBench } from "./bench.ts";
import { apiError } from "./fake-client.ts";

const UID = "uid-j";
const NAME = reportName(UID, "edge-1");
const REPORTS = kinds.NodeTaskReport;
const RESOURCE = "operations.kubeedge.io/v1alpha2/imageprepulljob/j/node/edge-1";
const UPGRADE = "operations.kubeedge.io/v1alpha2/nodeupgradejob/j/node/edge-1";
const OPERATION = "UpdateNodeActionStatus";
const TIME = "2026-11-21T20:00:00Z";

let clock: FakeClock;
let bench: ReturnType<typeof uplinkBench>;
beforeEach(() => start(false));

function start(negotiated: boolean): void {
  clock = createFakeClock();
  bench = uplinkBench({ negotiated, clock });
  for (const kind of ["ImagePrePullJob", "NodeUpgradeJob", "ConfigUpdateJob"] as const)
    bench.client.put(kinds[kind], { metadata: { name: "j", uid: UID } });
}

/** Lets calls of the fake API server end. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await clock.settle();
}
async function tell(resource: string, content: unknown, operation = OPERATION): Promise<void> {
  await bench.ask(operation, resource, content);
  await settle();
}
/** The next write of this job and node may go. */
async function later(ms = 1_000): Promise<void> {
  clock.advance(ms);
  await settle();
}
const stored = (name = NAME): NodeTaskReport["report"] | undefined =>
  (bench.client.find(REPORTS, { name }) as (NodeTaskReport & KubeObject) | undefined)?.report;
const writes = (): string[] =>
  bench.client.calls
    .filter(({ plural, verb }) => plural === "nodetaskreports" && verb !== "get")
    .map(({ verb }) => verb);
const step = (action: string, over: object = {}) => ({
  action,
  succ: true,
  finishTime: TIME,
  reason: "",
  extend: "",
  ...over,
});
const whole = (actions: readonly string[], over: object = {}) => ({
  ...step(actions.at(-1) ?? "Check"),
  ...{ uid: UID, attempt: 1 },
  actions: actions.map((action) => ({ action, status: "True", time: TIME })),
  ...over,
});
const outcomes = (outcome: string): Promise<number> =>
  bench.counted("longshore_task_reports_total", { outcome });

describe("what our agent tells of a task", () => {
  beforeEach(() => start(true));

  it("is stored whole under its job, and answered then", async () => {
    await tell(
      RESOURCE,
      whole(["Check", "Pull"], { images: [{ image: "busybox:1", status: "True" }], progress: "done" }),
    );
    expect(bench.sent.map(({ content, route }) => [content, route.operation])).toEqual([["OK", "response"]]);
    expect(bench.client.find(REPORTS, { name: NAME })).toMatchObject({
      metadata: {
        labels: { [JOB_UID_LABEL]: UID },
        ownerReferences: [
          { apiVersion: "operations.kubeedge.io/v1alpha2", kind: "ImagePrePullJob", name: "j", uid: UID },
        ],
      },
      report: {
        ...{ jobKind: "ImagePrePullJob", jobName: "j", jobUid: UID, nodeName: "edge-1", attempt: 1 },
        actions: [
          { action: "Check", status: "True", time: TIME },
          { action: "Pull", status: "True", time: TIME },
        ],
        images: [{ image: "busybox:1", status: "True" }],
        progress: "done",
      },
    });
  });

  it("has nothing of what it told before and does not tell any more", async () => {
    await tell(RESOURCE, whole(["Check"], { progress: "1 of 2" }));
    await later();
    await tell(RESOURCE, whole(["Check", "Pull"]));
    expect(stored()).not.toHaveProperty("progress");
    expect(writes()).toEqual(["create", "update"]);
  });

  it("is not answered while it is not stored", async () => {
    let store = (): void => undefined;
    bench.client.gate = new Promise((resolve) => (store = resolve));
    await tell(RESOURCE, whole(["Check"]));
    expect(bench.sent).toEqual([]);
    store();
    await settle();
    expect(bench.sent).toHaveLength(1);
  });

  it("B78 is written at most once a second, the newest of a thousand alone, and every one of them is answered", async () => {
    start(true);
    for (let i = 0; i < 1_000; i++) {
      await bench.ask(OPERATION, RESOURCE, whole(["Check"], { progress: `${i}` }));
      if (i % 20 === 19) await later(20);
    }
    await later(2_000);
    expect(stored()?.progress).toBe("999");
    expect(writes().length).toBeLessThanOrEqual(3);
    const answered = bench.sent.filter(({ content }) => content === "OK").length;
    expect(bench.sent).toHaveLength(1_000);
    expect(answered).toBeGreaterThanOrEqual(64);
    expect((await outcomes("stored")) + (await outcomes("coalesced"))).toBe(1_000);
  });

  it("the same again is the same object, and an OK", async () => {
    await tell(RESOURCE, whole(["Check"]));
    const { resourceVersion } = bench.client.find(REPORTS, { name: NAME })!.metadata;
    const other = uplinkBench({ negotiated: true, clock, api: bench.client }); // the hub was killed before it answered
    expect(
      (await other.ask(OPERATION, RESOURCE, whole(["Check"]))) ?? (await settle(), other.sent[0]),
    ).toMatchObject({ content: "OK" });
    expect(bench.client.find(REPORTS, { name: NAME })?.metadata.resourceVersion).toBe(resourceVersion);
  });

  it("takes the place of what another hub stored in between, but never of what came after its session's end", async () => {
    await tell(RESOURCE, whole(["Check"]));
    const other = uplinkBench({ negotiated: true, clock, api: bench.client });
    await other.ask(OPERATION, RESOURCE, whole(["Check"], { progress: "elsewhere" }));
    await later();
    await tell(RESOURCE, whole(["Check"], { progress: "here" }));
    expect(stored()?.progress).toBe("here");
    await later();
    await other.ask(OPERATION, RESOURCE, whole(["Check", "Pull"]));
    await settle();
    bench.ended.abort();
    await bench.ask(OPERATION, RESOURCE, whole(["Check"], { progress: "late" }));
    await later(30_000);
    expect(stored()?.actions).toHaveLength(2);
  });

  it.each([
    ["another node", RESOURCE.replace("edge-1", "edge-2"), whole(["Check"]), "FORBIDDEN", /^FORBIDDEN/],
    [
      "a job that is not there",
      RESOURCE.replace("/j/", "/none/"),
      whole(["Check"]),
      "NOT_FOUND",
      /^NotFound/,
    ],
    ["a job of another uid", RESOURCE, whole(["Check"], { uid: "other" }), "STALE_UID", /^Conflict/],
    ["a uid that is none", RESOURCE, whole(["Check"], { uid: 7 }), "BAD", /^BadRequest/],
    ["an unknown step", RESOURCE, step("rm -rf"), "BAD", /^BadRequest/],
    ["a step of another kind", RESOURCE, step("Upgrade"), "BAD", /^BadRequest/],
    ["no outcome", RESOURCE, { action: "Check" }, "BAD", /^BadRequest/],
    ["no object", RESOURCE, [], "BAD", /^BadRequest/],
    ["no task", "operations.kubeedge.io/v1alpha2/imageprepulljob/j", whole(["Check"]), "BAD", /^BadRequest/],
    [
      "a kind that is none",
      RESOURCE.replace("imageprepulljob", "podjob"),
      whole(["Check"]),
      "BAD",
      /^BadRequest/,
    ],
  ])("S36 about %s is refused, counted and not stored", async (_what, resource, content, reason, text) => {
    await tell(resource, content);
    expect(bench.sent).toHaveLength(1);
    expect(bench.sent[0]?.route.operation).toBe("error");
    expect(bench.sent[0]?.content).toMatch(text);
    expect(await bench.rejects()).toEqual({ [reason]: 1 });
    expect(writes()).toEqual([]);
  });

  it("with another operation is refused", async () => {
    await tell(RESOURCE, whole(["Check"]), "Check");
    expect(await bench.rejects()).toEqual({ UNSUPPORTED: 1 });
  });

  it("S36 is cut where it is too long, with an ellipsis; of a log the end is kept", async () => {
    const actions = Array.from({ length: 12 }, () => ({
      action: "Check",
      status: "True",
      reason: "r".repeat(5_000),
    }));
    const images = Array.from({ length: 600 }, (_, i) => ({
      image: `i${i}`,
      status: "False",
      reason: "x".repeat(2_000),
    }));
    const log = `${"l".repeat(10_000)}the end`;
    await tell(RESOURCE, {
      ...whole([]),
      actions: [...actions, "none", { action: "Check" }],
      images,
      log,
      progress: "p".repeat(300),
      toVersion: 7,
    });
    const { actions: kept = [], images: pulled = [], ...report } = stored()!;
    expect(kept.length).toBeLessThanOrEqual(REPORT_LIMITS.actions);
    expect(kept[0]?.reason).toBe(`${"r".repeat(REPORT_LIMITS.reasonChars - 1)}…`);
    expect(pulled).toHaveLength(REPORT_LIMITS.images);
    expect(pulled[0]?.reason).toHaveLength(REPORT_LIMITS.imageReasonChars);
    expect(report.log).toHaveLength(REPORT_LIMITS.logChars);
    expect(report.log).toMatch(/^…l+the end$/);
    expect(report.progress).toHaveLength(REPORT_LIMITS.progressChars);
    expect(report).not.toHaveProperty("toVersion");
    expect(await bench.counted("longshore_task_report_cuts_total")).toBeGreaterThan(600);
    expect(bench.sent[0]?.content).toBe("OK");
  });

  it("is stored when the API server is back, and refused as passing when it stays away", async () => {
    bench.client.failures = Array.from({ length: 3 }, () => apiError(503, "ServiceUnavailable"));
    await tell(RESOURCE, whole(["Check"]));
    expect(bench.sent).toEqual([]);
    for (let i = 0; i < 10; i++) await later(1_000);
    expect(bench.sent.map(({ content }) => content)).toEqual(["OK"]);
    bench.client.failures = Array.from({ length: 1_000 }, () => apiError(0, "ConnectionFailed"));
    await tell(RESOURCE, whole(["Check", "Pull"]));
    for (let i = 0; i < 30; i++) await later(1_000);
    expect(bench.sent.at(-1)?.content).toMatch(/^ServiceUnavailable/);
    expect(bench.client.failures.length).toBeGreaterThan(950);
  });

  it("asks once for the job of a thousand reports", async () => {
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const node = `n-${i}`;
        const session = { ...bench.session, node };
        await bench.handle(
          bench.frame(OPERATION, RESOURCE.replace("edge-1", node), whole(["Check"])),
          session,
        );
      }),
    );
    await settle();
    expect(bench.client.calls.filter(({ plural }) => plural === "imageprepulljobs")).toHaveLength(1);
    await later(3_100);
    await tell(RESOURCE, whole(["Check"]));
    expect(bench.client.calls.filter(({ plural }) => plural === "imageprepulljobs")).toHaveLength(2);
  });

  it("looks again for a job that was made anew under its name", async () => {
    await tell(RESOURCE, whole(["Check"]));
    bench.client.put(kinds.ImagePrePullJob, { metadata: { name: "j", uid: "uid-2" } });
    await later(1_500);
    await tell(RESOURCE, whole(["Check"], { uid: "uid-2" }));
    expect(stored(reportName("uid-2", "edge-1"))).toMatchObject({ jobUid: "uid-2" });
    expect(bench.sent.at(-1)?.content).toBe("OK");
  });

  it("RATE is refused when one node tells of too many tasks", async () => {
    for (let i = 0; i < 70; i++)
      await bench.ask(OPERATION, RESOURCE.replace("/j/", `/j${i}/`), whole(["Check"]));
    expect((await bench.rejects())["RATE"]).toBe(6);
  });
});

describe("what a plain EdgeCore tells of a task", () => {
  it("D21 is kept step by step, and answered with nothing", async () => {
    await tell(RESOURCE, step("Check"));
    await later();
    const extend = JSON.stringify([
      { image: "a", status: "True" },
      { image: "b", status: "False", reason: "gone" },
    ]);
    await tell(RESOURCE, step("Pull", { succ: false, reason: "it broke", extend }));
    expect(stored()).toEqual({
      ...{ jobKind: "ImagePrePullJob", jobName: "j", jobUid: UID, nodeName: "edge-1", attempt: 1 },
      actions: [
        { action: "Check", status: "True", time: TIME },
        { action: "Pull", status: "False", time: TIME, reason: "it broke" },
      ],
      images: [
        { image: "a", status: "True" },
        { image: "b", status: "False", reason: "gone" },
      ],
    });
    expect(bench.sent).toEqual([]);
  });

  it("D20 is all kept when it comes at once, with the versions", async () => {
    await Promise.all(
      ["Check", "WaitingConfirmation", "BackUp", "Upgrade"].map((action) =>
        bench.ask(
          OPERATION,
          UPGRADE,
          step(action, { extend: action === "Upgrade" ? "v1.22.0,v1.23.1" : "" }),
        ),
      ),
    );
    await settle();
    await later();
    expect(stored()?.actions?.map(({ action }) => action)).toEqual([
      "Check",
      "WaitingConfirmation",
      "BackUp",
      "Upgrade",
    ]);
    expect(stored()).toMatchObject({ fromVersion: "v1.22.0", toVersion: "v1.23.1" });
    expect(writes()).toEqual(["create", "update"]);
  });

  it("of a config update has the hub's time, as it has none", async () => {
    await tell(
      "operations.kubeedge.io/v1alpha2/configupdatejob/j/node/edge-1",
      step("Check", { finishTime: undefined }),
    );
    expect(stored()?.actions).toEqual([
      { action: "Check", status: "True", time: new Date(clock.wallMs()).toISOString() },
    ]);
  });

  it.each(["{", "7", '"x"', "[1,null,[]]", '{"image":"a"}'])(
    "takes no harm from the images %p",
    async (extend) => {
      await tell(RESOURCE, step("Pull", { extend }));
      expect(stored()?.actions).toHaveLength(1);
      expect(stored()?.images ?? []).toEqual([]);
      expect(await bench.counted("longshore_task_report_cuts_total")).toBeGreaterThan(0);
    },
  );

  it.each(["v1,v2,v3", ",,", "no comma at all"])("takes no harm from the versions %p", async (extend) => {
    await tell(UPGRADE, step("BackUp", { extend }));
    expect(stored()?.actions).toHaveLength(1);
    expect(stored()).not.toHaveProperty("toVersion");
  });

  it("is kept while the API server is away, for it is told once, and after its session as well", async () => {
    bench.client.failures = Array.from({ length: 40 }, () => apiError(0, "ConnectionFailed"));
    await tell(RESOURCE, step("Check"));
    await tell(RESOURCE, step("Pull"));
    bench.ended.abort();
    for (let i = 0; i < 500; i++) await later(1_000);
    expect(stored()?.actions).toHaveLength(2);
    expect(await bench.rejects()).toEqual({});
  });

  it("that another attempt was made of begins anew", async () => {
    await tell(RESOURCE, step("Check", { succ: false }));
    const metadata = { name: "j", uid: UID, annotations: { "longshore.io/attempt": "2" } };
    bench.client.put(kinds.ImagePrePullJob, { metadata });
    await later(4_000);
    await tell(RESOURCE, step("Check"));
    expect(stored()).toMatchObject({ attempt: 2, actions: [{ action: "Check", status: "True" }] });
  });

  it.each([
    ["another node's task", RESOURCE.replace("edge-1", "edge-2"), OPERATION, step("Check"), "FORBIDDEN"],
    [
      "another node's state",
      "task/j/node/edge-1",
      "prepull",
      { NodeName: "edge-2", Event: "Check", Action: "Success" },
      "FORBIDDEN",
    ],
    [
      "another node's path",
      "task/j/node/edge-2",
      "prepull",
      { NodeName: "edge-1", Event: "Check", Action: "Success" },
      "FORBIDDEN",
    ],
    [
      "an event that is none",
      "task/j/node/edge-1",
      "prepull",
      { Event: "constructor", Action: "Success" },
      "BAD",
    ],
    ["an action that is none", "task/j/node/edge-1", "prepull", { Event: "Check", Action: "Maybe" }, "BAD"],
    ["a type that is none", "task/j/node/edge-1", "rollback", { Event: "Check", Action: "Success" }, "BAD"],
    [
      "a job that is not there",
      "task/none/node/edge-1",
      "prepull",
      { Event: "Check", Action: "Success" },
      "NOT_FOUND",
    ],
  ])("S36 of %s is counted and left out", async (_what, resource, operation, content, reason) => {
    await tell(resource, content, operation);
    expect(await bench.rejects()).toEqual({ [reason]: 1 });
    expect(await outcomes("refused")).toBe(1);
    expect(bench.sent).toEqual([]);
    expect(writes()).toEqual([]);
  });
});

describe("what an old EdgeCore tells of a task, state by state", () => {
  const OLD = "task/j/node/edge-1";
  const old = (Event: string, over: object = {}) => ({
    ...{ NodeName: "edge-1", State: "", Event, Action: "Success", Reason: "", Time: "", ExternalMessage: "" },
    ...over,
  });

  it("D20 is its last event, and the steps so far", async () => {
    for (const [event, steps] of [
      ["Init", undefined],
      ["Check", ["Check"]],
      ["Backup", ["Check", "BackUp"]],
      ["Upgrade", ["Check", "BackUp", "Upgrade"]],
    ] as const) {
      await tell(OLD, old(event), "upgrade");
      expect(stored()).toMatchObject({ jobKind: "NodeUpgradeJob", event, action: "Success" });
      expect(stored()?.actions?.map(({ action }) => action)).toEqual(steps);
      await later();
    }
  });

  it("D21 tells of images in the words of v1alpha2", async () => {
    const ExternalMessage = JSON.stringify([
      { image: "a", state: "Successful" },
      { image: "b", state: "Failed", reason: "gone" },
    ]);
    await tell(
      OLD,
      old("Pull", { Action: "Failure", Reason: "pull image failed", ExternalMessage }),
      "prepull",
    );
    expect(stored()).toMatchObject({
      ...{ event: "Pull", action: "Failure" },
      actions: [{ action: "Pull", status: "False", reason: "pull image failed" }],
      images: [
        { image: "a", status: "True" },
        { image: "b", status: "False", reason: "gone" },
      ],
    });
  });

  it("keeps why it did not even begin", async () => {
    await tell(OLD, old("Init", { Action: "Failure", Reason: "no keadm" }), "upgrade");
    expect(stored()).toMatchObject({ event: "Init", action: "Failure", log: "no keadm" });
  });
});
