// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { parseTaskResource, REPORT_OPERATION } from "@longshore/crds/tasks";
import { decodeFrame, encodeFrame, newFrame, replyTo } from "@longshore/crds/wire";
import { writesByResource } from "../../bench/api-calls.ts";
import { judge, table } from "../../bench/bars.ts";
import { follow, NOTHING_YET } from "../../bench/jobs/history.ts";
import { isOrder, readAnswer, readOrder, reportFrame, reportOf } from "../../bench/jobs/orders.ts";

const job = {
  metadata: { name: "pull", uid: "u", annotations: { "longshore.io/attempt": "2" } },
  spec: { imagePrePullTemplate: { images: ["busybox:1.36"] } },
};
const order = newFrame({
  ...{ source: "edgecontroller", group: "resource", operation: "insert" },
  ...{ resource: "null/imageprepulljob/pull", resourceVersion: "7", content: job },
});

describe("a simulated edge with a job", () => {
  it.each([
    { resource: "null/imageprepulljob/pull", operation: "insert", is: true },
    { resource: "null/imageprepulljob/pull", operation: "update", is: true },
    { resource: "null/imageprepulljob/pull", operation: "delete", is: false },
    { resource: "default/pod/imageprepulljob", operation: "insert", is: false },
  ])("takes $operation of $resource for an order: $is", ({ resource, operation, is }) => {
    expect(isOrder(resource, operation)).toBe(is);
  });

  it("reads what was ordered, and of which attempt", () => {
    const read = readOrder(encodeFrame(order));
    expect(read).toEqual({ job: "pull", uid: "u", attempt: 2, images: ["busybox:1.36"] });
  });

  it("reports the whole task each time, in KubeEdge's frame", () => {
    const steps = [{ action: "Check", time: "t1" } as const, { action: "Pull", time: "t2" } as const];
    const task = readOrder(encodeFrame(order));
    const { id, text } = reportFrame("n1", task, reportOf(task, steps));
    const frame = decodeFrame(Buffer.from(text));
    expect(frame.header.msg_id).toBe(id);
    expect(frame.route).toMatchObject({ group: "hub", operation: REPORT_OPERATION });
    expect(parseTaskResource(frame.route.resource ?? "")).toEqual({
      ...{ dialect: "v1alpha2", kind: "ImagePrePullJob", job: "pull", node: "n1" },
    });
    expect(frame.content).toMatchObject({
      ...{ action: "Pull", succ: true, finishTime: "t2", uid: "u", attempt: 2 },
      actions: steps.map((step) => ({ ...step, status: "True" })),
      images: [{ image: "busybox:1.36", status: "True" }],
    });
  });

  it("knows the answer to its report, and whether it was stored", () => {
    const task = readOrder(encodeFrame(order));
    const { id, text } = reportFrame("n1", task, reportOf(task, []));
    const report = decodeFrame(Buffer.from(text));
    const good = encodeFrame(replyTo(report, { content: "OK" }));
    const bad = encodeFrame(replyTo(report, { operation: "error", content: "UNAVAILABLE: later" }));
    expect([readAnswer(good), readAnswer(bad)]).toEqual([
      { to: id, isOk: true },
      { to: id, isOk: false },
    ]);
    expect(readAnswer(encodeFrame(order))).toBeUndefined();
  });
});

describe("the course of a job", () => {
  const version = (phase: string, ...nodes: string[]) => ({
    metadata: {},
    status: { phase, nodeStatus: nodes.map((each) => ({ phase: each })) },
  });

  it("has the most nodes that were at work in any version, not only in the last", () => {
    const versions = [
      version("Init", "Pending", "Pending", "Pending"),
      version("InProgress", "InProgress", "InProgress", "Pending"),
      version("Completed", "Successful", "Successful", "Successful"),
    ];
    const course = versions.reduce(follow, NOTHING_YET);
    expect(course).toEqual({
      ...{ versions: 3, maxInProgress: 2, phases: { Successful: 3 }, end: "Completed" },
    });
  });

  it("has no end before the job has one", () => {
    expect([{ metadata: {} }, version("InProgress", "InProgress")].reduce(follow, NOTHING_YET).end).toBe("");
  });
});

describe("figures of a job", () => {
  it("tells a figure without a bar, which is never missed", () => {
    const judged = judge([{ name: "job.seconds", value: 1e6 }]);
    expect(judged[0]?.holds).toBe(true);
    expect(table(judged)).toContain("no bar");
  });

  it("counts writes by what was written", () => {
    const line = (verb: string, resource: string, subresource: string, value: number): string =>
      `apiserver_request_total{code="200",resource="${resource}",subresource="${subresource}",verb="${verb}"} ${value}`;
    const text = [
      line("PUT", "imageprepulljobs", "status", 3),
      line("APPLY", "nodetaskreports", "", 20),
      line("DELETECOLLECTION", "nodetaskreports", "", 1),
      line("GET", "nodetaskreports", "", 9),
      line("PUT", "", "", 9),
    ].join("\n");
    expect(writesByResource(text)).toEqual(
      new Map([
        ["imageprepulljobs/status", 3],
        ["nodetaskreports", 21],
      ]),
    );
  });
});
