// SPDX-License-Identifier: Apache-2.0
import { formatTaskResource, type JobKind } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import { describe, expect, it } from "@jest/globals";
import { orderOfFrame } from "../../src/jobs/legacy.ts";
import { chooseTasks, orderOf, planOrders } from "../../src/jobs/orders.ts";
import type { Order } from "../../src/jobs/port.ts";
import { newTask, type Task } from "../../src/jobs/task.ts";
import { order } from "./world.ts";

const LIMITS = { maxTasks: 3, maxEnded: 2 };
let sequence = 0;
const task = (name: string, change: Partial<Task> & { kind?: JobKind; attempt?: number } = {}): Task => {
  const { kind = "NodeUpgradeJob", attempt = 1, ...rest } = change;
  return { ...newTask({ kind, name, uid: `u-${name}`, attempt, spec: {} }, "hub", ++sequence), ...rest };
};
const wanted = (name: string, attempt = 1): Order => task(name, { attempt }).order;
const ENDED = { state: "ended", changes: 2, told: 2 } as const;

describe("an order", () => {
  it("is the job's object with its attempt", () => {
    const text = { kind: "NodeUpgradeJob", name: "up", uid: "u", spec: { version: "v1.2.3" } } as const;
    expect(orderOf(order(text))).toEqual({ ...text, attempt: 1 });
    expect(orderOf(order({ ...text, attempt: 3 }))).toEqual({ ...text, attempt: 3 });
  });
  it("is none without a uid, or of another kind", () => {
    expect(orderOf(order({ kind: "NodeUpgradeJob", name: "up", uid: "" }))).toBeUndefined();
    expect(
      orderOf({ ...order({ kind: "NodeUpgradeJob", name: "up", uid: "u" }), kind: "pod" }),
    ).toBeUndefined();
  });
});

describe("what orders make of the tasks", () => {
  it.each<[string, readonly Order[], readonly Task[], readonly string[], readonly string[]]>([
    ["a new one is accepted", [wanted("a")], [], ["a/1"], []],
    ["one that is known is not", [wanted("a")], [task("a")], [], []],
    ["one that has ended is not", [wanted("a")], [task("a", ENDED)], [], []],
    ["another attempt is", [wanted("a", 2)], [task("a", ENDED)], ["a/2"], []],
    ["a withdrawn one that has not begun goes", [], [task("a")], [], ["u-a/1"]],
    [
      "an attempt that has not begun gives way to the next",
      [wanted("a", 2)],
      [task("a")],
      ["a/2"],
      ["u-a/1"],
    ],
    [
      "one that waits for people goes",
      [],
      [task("a", { state: "confirming", step: "BackUp" })],
      [],
      ["u-a/1"],
    ],
    ["one that runs is finished", [], [task("a", { state: "running", runs: 1 })], [], []],
    ["one between two steps is finished", [], [task("a", { step: "BackUp" })], [], []],
    ["a CloudCore withdraws nothing", [], [task("a", { from: "cloudcore" })], [], []],
    [
      "a later upgrade takes the place of a CloudCore's that waits for people",
      [],
      [
        task("a", { from: "cloudcore", state: "confirming", step: "BackUp" }),
        task("b", { from: "cloudcore", kind: "ConfigUpdateJob" }),
        task("c", { from: "cloudcore", step: "BackUp" }),
        task("d", { from: "cloudcore", ...ENDED }),
      ],
      [],
      ["u-a/1"],
    ],
    [
      "no more than there is room for",
      ["a", "b", "c", "d"].map((name) => wanted(name)),
      [task("x", { state: "running" }), task("y", ENDED)],
      ["a/1", "b/1"],
      [],
    ],
    [
      "the oldest that ended are forgotten, those that the cloud knows first",
      [],
      [task("a", { ...ENDED, told: 0 }), task("b", ENDED), task("c", ENDED)],
      [],
      ["u-b/1"],
    ],
    [
      "what has ended is not forgotten while it is still ordered",
      [wanted("a"), wanted("b"), wanted("c")],
      [task("a", ENDED), task("b", ENDED), task("c", ENDED)],
      [],
      [],
    ],
  ])("%s", (_, standing, tasks, accept, remove) => {
    const plan = planOrders(standing, tasks, LIMITS);
    expect(plan.accept.map(({ name, attempt }) => `${name}/${attempt}`)).toEqual(accept);
    expect(plan.remove).toEqual(remove);
  });
});

describe("what runs", () => {
  const changes = (kind: JobKind): boolean => kind !== "ImagePrePullJob";
  const chosen = (...tasks: Task[]): string[] =>
    chooseTasks(tasks, changes, 2).map(({ order: { name, attempt } }) => `${name}/${attempt}`);
  const pull = (name: string, more: Partial<Task> & { attempt?: number } = {}): Task =>
    task(name, { kind: "ImagePrePullJob", ...more });

  it("is one change of the agent at a time, the oldest first, and some pulls beside it", () => {
    const config = task("c", { kind: "ConfigUpdateJob" });
    expect(chosen(task("a"), config, pull("p"), pull("q"), pull("r"))).toEqual(["a/1", "p/1", "q/1"]);
  });
  it("is the one that has begun to change the agent, though an older one was confirmed since", () => {
    const confirmed = task("a", { step: "BackUp" });
    const begun = task("c", { kind: "ConfigUpdateJob", step: "RollBack", holds: true });
    expect(chosen(confirmed, begun)).toEqual(["c/1"]);
  });
  it("is never one that waits for people or has ended, and they hold nobody up", () => {
    expect(chosen(task("a", { state: "confirming" }), task("b", ENDED), task("c"))).toEqual(["c/1"]);
  });
  it("is one attempt of a job at a time, that which has begun", () => {
    expect(chosen(pull("p", { attempt: 2 }), pull("p", { holds: true }), pull("q"))).toEqual(["p/1", "q/1"]);
  });
});

describe("a CloudCore's order", () => {
  const frame = (content: unknown, change: Partial<Frame["route"]> = {}): Frame => {
    const address = { dialect: "v1alpha2", kind: "NodeUpgradeJob", job: "up", node: "edge-1" } as const;
    const route = { source: "taskmanager", group: "taskmanager", operation: "Check" };
    return {
      header: { msg_id: "m", timestamp: 1 },
      route: { ...route, resource: formatTaskResource(address), ...change },
      content,
    };
  };

  it("is the same task when the same comes again, whatever the order of its keys, and another for another spec", () => {
    const first = orderOfFrame(frame({ version: "v1.0.0", image: "a" }), "edge-1");
    expect(first).toMatchObject({
      kind: "NodeUpgradeJob",
      name: "up",
      attempt: 1,
      spec: { version: "v1.0.0" },
    });
    expect(orderOfFrame(frame({ image: "a", version: "v1.0.0" }), "edge-1")?.uid).toBe(first?.uid);
    expect(orderOfFrame(frame({ image: "a", version: "v1.0.1" }), "edge-1")?.uid).not.toBe(first?.uid);
  });
  it.each<[string, Partial<Frame["route"]>]>([
    ["another node", { resource: "operations.kubeedge.io/v1alpha2/nodeupgradejob/up/node/edge-2" }],
    ["v1alpha1", { resource: "upgrade/up/node/edge-1" }],
    ["an unknown kind", { resource: "operations.kubeedge.io/v1alpha2/shelljob/up/node/edge-1" }],
    ["another operation", { operation: "Upgrade" }],
    [
      "a path out of its place",
      { resource: "operations.kubeedge.io/v1alpha2/nodeupgradejob/../node/edge-1" },
    ],
  ])("is not taken for %s", (_, change) => {
    expect(orderOfFrame(frame({}, change), "edge-1")).toBeUndefined();
  });
});
