// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import { apiError } from "./fake-client.ts";
import { OPERATION, RESOURCE, step, TaskRig, TIME, UID, UPGRADE } from "./task-rig.ts";

let rig: TaskRig;
beforeEach(() => {
  rig = new TaskRig(false);
});

describe("what a plain EdgeCore tells of a task", () => {
  it("D21 is kept step by step, and answered with nothing", async () => {
    await rig.tell(RESOURCE, step("Check"));
    await rig.later();
    const extend = JSON.stringify([
      { image: "a", status: "True" },
      { image: "b", status: "False", reason: "gone" },
    ]);
    await rig.tell(RESOURCE, step("Pull", { succ: false, reason: "it broke", extend }));
    expect(rig.stored()).toEqual({
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
    expect(rig.bench.sent).toEqual([]);
  });

  it("D20 is all kept when it comes at once, with the versions", async () => {
    await Promise.all(
      ["Check", "WaitingConfirmation", "BackUp", "Upgrade"].map((action) =>
        rig.bench.ask(
          OPERATION,
          UPGRADE,
          step(action, { extend: action === "Upgrade" ? "v1.22.0,v1.23.1" : "" }),
        ),
      ),
    );
    await rig.settle();
    await rig.later();
    expect(rig.stored()?.actions?.map(({ action }) => action)).toEqual([
      "Check",
      "WaitingConfirmation",
      "BackUp",
      "Upgrade",
    ]);
    expect(rig.stored()).toMatchObject({ fromVersion: "v1.22.0", toVersion: "v1.23.1" });
    expect(rig.writes()).toEqual(["create", "update"]);
  });

  it("of a config update has the hub's time, as it has none", async () => {
    await rig.tell(
      "operations.kubeedge.io/v1alpha2/configupdatejob/j/node/edge-1",
      step("Check", { finishTime: undefined }),
    );
    expect(rig.stored()?.actions).toEqual([
      { action: "Check", status: "True", time: new Date(rig.clock.wallMs()).toISOString() },
    ]);
  });

  it.each(["{", "7", '"x"', "[1,null,[]]", '{"image":"a"}'])(
    "takes no harm from the images %p",
    async (extend) => {
      await rig.tell(RESOURCE, step("Pull", { extend }));
      expect(rig.stored()?.actions).toHaveLength(1);
      expect(rig.stored()?.images ?? []).toEqual([]);
      expect(await rig.bench.counted("longshore_task_report_cuts_total")).toBeGreaterThan(0);
    },
  );

  it.each(["__proto__", "constructor", "toString"])(
    "takes no harm from an image's state %p",
    async (state) => {
      await rig.tell(RESOURCE, step("Pull", { extend: `[{"image":"a","state":"${state}"}]` }));
      expect(rig.stored()?.images).toEqual([{ image: "a" }]);
    },
  );

  it.each(["v1,v2,v3", ",,", "no comma at all"])("takes no harm from the versions %p", async (extend) => {
    await rig.tell(UPGRADE, step("BackUp", { extend }));
    expect(rig.stored()?.actions).toHaveLength(1);
    expect(rig.stored()).not.toHaveProperty("toVersion");
  });

  it("is kept while the API server is away, for it is told once, and after its session as well", async () => {
    rig.bench.client.failures = Array.from({ length: 40 }, () => apiError(0, "ConnectionFailed"));
    await rig.tell(RESOURCE, step("Check"));
    await rig.tell(RESOURCE, step("Pull"));
    rig.bench.ended.abort();
    for (let i = 0; i < 500; i++) await rig.later(1_000);
    expect(rig.stored()?.actions).toHaveLength(2);
    expect(await rig.bench.rejects()).toEqual({});
  });

  it("that another attempt was made of begins anew", async () => {
    await rig.tell(RESOURCE, step("Check", { succ: false }));
    const metadata = { name: "j", uid: UID, annotations: { "longshore.io/attempt": "2" } };
    rig.bench.client.put(kinds.ImagePrePullJob, { metadata });
    await rig.later(1_000);
    await rig.tell(RESOURCE, step("Check"));
    expect(rig.stored()).toMatchObject({ attempt: 2, actions: [{ action: "Check", status: "True" }] });
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
    await rig.tell(resource, content, operation);
    expect(await rig.bench.rejects()).toEqual({ [reason]: 1 });
    expect(await rig.outcomes("refused")).toBe(1);
    expect(rig.bench.sent).toEqual([]);
    expect(rig.writes()).toEqual([]);
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
      await rig.tell(OLD, old(event), "upgrade");
      expect(rig.stored()).toMatchObject({ jobKind: "NodeUpgradeJob", event, action: "Success" });
      expect(rig.stored()?.actions?.map(({ action }) => action)).toEqual(steps);
      await rig.later();
    }
  });

  it("D21 tells of images in the words of v1alpha2", async () => {
    const ExternalMessage = JSON.stringify([
      { image: "a", state: "Successful" },
      { image: "b", state: "Failed", reason: "gone" },
    ]);
    await rig.tell(
      OLD,
      old("Pull", { Action: "Failure", Reason: "pull image failed", ExternalMessage }),
      "prepull",
    );
    expect(rig.stored()).toMatchObject({
      ...{ event: "Pull", action: "Failure" },
      actions: [{ action: "Pull", status: "False", reason: "pull image failed" }],
      images: [
        { image: "a", status: "True" },
        { image: "b", status: "False", reason: "gone" },
      ],
    });
  });

  it("keeps why it did not even begin", async () => {
    await rig.tell(OLD, old("Init", { Action: "Failure", Reason: "no keadm" }), "upgrade");
    expect(rig.stored()).toMatchObject({ event: "Init", action: "Failure", log: "no keadm" });
  });
});
