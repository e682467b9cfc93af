// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import { JOB_UID_LABEL, REPORT_LIMITS, reportName } from "@longshore/crds/tasks";
import { uplinkBench } from "./bench.ts";
import { apiError } from "./fake-client.ts";
import { NAME, OPERATION, REPORTS, RESOURCE, step, TaskRig, TIME, UID, whole } from "./task-rig.ts";

let rig: TaskRig;

describe("what our agent tells of a task", () => {
  beforeEach(() => {
    rig = new TaskRig(true);
  });

  it("is stored whole under its job, and answered then", async () => {
    await rig.tell(
      RESOURCE,
      whole(["Check", "Pull"], { images: [{ image: "busybox:1", status: "True" }], progress: "done" }),
    );
    expect(rig.bench.sent.map(({ content, route }) => [content, route.operation])).toEqual([
      ["OK", "response"],
    ]);
    expect(rig.bench.client.find(REPORTS, { name: NAME })).toMatchObject({
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
    await rig.tell(RESOURCE, whole(["Check"], { progress: "1 of 2" }));
    await rig.later();
    await rig.tell(RESOURCE, whole(["Check", "Pull"]));
    expect(rig.stored()).not.toHaveProperty("progress");
    expect(rig.writes()).toEqual(["create", "update"]);
  });

  it("is not answered while it is not stored", async () => {
    let store = (): void => undefined;
    rig.bench.client.gate = new Promise((resolve) => (store = resolve));
    await rig.tell(RESOURCE, whole(["Check"]));
    expect(rig.bench.sent).toEqual([]);
    store();
    await rig.settle();
    expect(rig.bench.sent).toHaveLength(1);
  });

  it("B78 is written at most once a second, the newest of a thousand alone, and every one of them is answered", async () => {
    rig = new TaskRig(true);
    for (let i = 0; i < 1_000; i++) {
      await rig.bench.ask(OPERATION, RESOURCE, whole(["Check"], { progress: `${i}` }));
      if (i % 20 === 19) await rig.later(20);
    }
    await rig.later(2_000);
    expect(rig.stored()?.progress).toBe("999");
    expect(rig.writes().length).toBeLessThanOrEqual(3);
    const answered = rig.bench.sent.filter(({ content }) => content === "OK").length;
    expect(rig.bench.sent).toHaveLength(1_000);
    expect(answered).toBeGreaterThanOrEqual(64);
    expect((await rig.outcomes("stored")) + (await rig.outcomes("coalesced"))).toBe(1_000);
  });

  it("the same again is the same object, and an OK", async () => {
    await rig.tell(RESOURCE, whole(["Check"]));
    const { resourceVersion } = rig.bench.client.find(REPORTS, { name: NAME })!.metadata;
    const other = uplinkBench({ negotiated: true, clock: rig.clock, api: rig.bench.client }); // the hub was killed before it answered
    expect(
      (await other.ask(OPERATION, RESOURCE, whole(["Check"]))) ?? (await rig.settle(), other.sent[0]),
    ).toMatchObject({ content: "OK" });
    expect(rig.bench.client.find(REPORTS, { name: NAME })?.metadata.resourceVersion).toBe(resourceVersion);
  });

  it("takes the place of what another hub stored in between, but never of what came after its session's end", async () => {
    await rig.tell(RESOURCE, whole(["Check"]));
    const other = uplinkBench({ negotiated: true, clock: rig.clock, api: rig.bench.client });
    await other.ask(OPERATION, RESOURCE, whole(["Check"], { progress: "elsewhere" }));
    await rig.later();
    await rig.tell(RESOURCE, whole(["Check"], { progress: "here" }));
    expect(rig.stored()?.progress).toBe("here");
    await rig.later();
    await other.ask(OPERATION, RESOURCE, whole(["Check", "Pull"]));
    await rig.settle();
    rig.bench.ended.abort();
    await rig.bench.ask(OPERATION, RESOURCE, whole(["Check"], { progress: "late" }));
    await rig.later(30_000);
    expect(rig.stored()?.actions).toHaveLength(2);
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
    await rig.tell(resource, content);
    expect(rig.bench.sent).toHaveLength(1);
    expect(rig.bench.sent[0]?.route.operation).toBe("error");
    expect(rig.bench.sent[0]?.content).toMatch(text);
    expect(await rig.bench.rejects()).toEqual({ [reason]: 1 });
    expect(rig.writes()).toEqual([]);
  });

  it("with another operation is refused", async () => {
    await rig.tell(RESOURCE, whole(["Check"]), "Check");
    expect(await rig.bench.rejects()).toEqual({ UNSUPPORTED: 1 });
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
    await rig.tell(RESOURCE, {
      ...whole([]),
      actions: [...actions, "none", { action: "Check" }],
      images,
      log,
      progress: "p".repeat(300),
      toVersion: 7,
    });
    const { actions: kept = [], images: pulled = [], ...report } = rig.stored()!;
    expect(kept.length).toBeLessThanOrEqual(REPORT_LIMITS.actions);
    expect(kept[0]?.reason).toBe(`${"r".repeat(REPORT_LIMITS.reasonChars - 1)}…`);
    expect(pulled).toHaveLength(REPORT_LIMITS.images);
    expect(pulled[0]?.reason).toHaveLength(REPORT_LIMITS.imageReasonChars);
    expect(report.log).toHaveLength(REPORT_LIMITS.logChars);
    expect(report.log).toMatch(/^…l+the end$/);
    expect(report.progress).toHaveLength(REPORT_LIMITS.progressChars);
    expect(report).not.toHaveProperty("toVersion");
    expect(await rig.bench.counted("longshore_task_report_cuts_total")).toBeGreaterThan(600);
    expect(rig.bench.sent[0]?.content).toBe("OK");
  });

  it("is stored when the API server is back, and refused as passing when it stays away", async () => {
    rig.bench.client.failures = Array.from({ length: 3 }, () => apiError(503, "ServiceUnavailable"));
    await rig.tell(RESOURCE, whole(["Check"]));
    expect(rig.bench.sent).toEqual([]);
    for (let i = 0; i < 10; i++) await rig.later(1_000);
    expect(rig.bench.sent.map(({ content }) => content)).toEqual(["OK"]);
    rig.bench.client.failures = Array.from({ length: 1_000 }, () => apiError(0, "ConnectionFailed"));
    await rig.tell(RESOURCE, whole(["Check", "Pull"]));
    for (let i = 0; i < 30; i++) await rig.later(1_000);
    expect(rig.bench.sent.at(-1)?.content).toMatch(/^ServiceUnavailable/);
    expect(rig.bench.client.failures.length).toBeGreaterThan(950);
  });

  it("asks once for the job of a thousand reports", async () => {
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const node = `n-${i}`;
        const session = { ...rig.bench.session, node };
        await rig.bench.handle(
          rig.bench.frame(OPERATION, RESOURCE.replace("edge-1", node), whole(["Check"])),
          session,
        );
      }),
    );
    await rig.settle();
    expect(rig.bench.client.calls.filter(({ plural }) => plural === "imageprepulljobs")).toHaveLength(1);
    await rig.later(3_100);
    await rig.tell(RESOURCE, whole(["Check"]));
    expect(rig.bench.client.calls.filter(({ plural }) => plural === "imageprepulljobs")).toHaveLength(2);
  });

  it("looks again for a job that was made anew under its name", async () => {
    await rig.tell(RESOURCE, whole(["Check"]));
    rig.bench.client.put(kinds.ImagePrePullJob, { metadata: { name: "j", uid: "uid-2" } });
    await rig.later(1_500);
    await rig.tell(RESOURCE, whole(["Check"], { uid: "uid-2" }));
    expect(rig.stored(reportName("uid-2", "edge-1"))).toMatchObject({ jobUid: "uid-2" });
    expect(rig.bench.sent.at(-1)?.content).toBe("OK");
  });

  it("RATE is refused when one node tells of too many tasks", async () => {
    for (let i = 0; i < 20; i++)
      await rig.bench.ask(OPERATION, RESOURCE.replace("/j/", `/j${i}/`), whole(["Check"]));
    expect((await rig.bench.rejects())["RATE"]).toBe(4);
  });

  it("B78 takes the room of no other node, however much one tells while nothing can be stored", async () => {
    rig.bench.client.gate = new Promise(() => undefined);
    const images = Array.from({ length: 500 }, () => ({ image: "i".repeat(512), reason: "r".repeat(1_024) }));
    for (let i = 0; i < 200; i++)
      await rig.bench.ask(
        OPERATION,
        RESOURCE.replace("/j/", `/j${i % 10}/`),
        whole(["Pull"], { images, log: `${i}` }),
      );
    const before = await rig.bench.rejects();
    expect(before["RATE"]).toBeGreaterThan(180);
    await rig.bench.askAsNeighbour(OPERATION, RESOURCE.replace("edge-1", "edge-2"), whole(["Pull"]));
    expect(await rig.bench.rejects()).toEqual(before);
  });
});
