// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { FakeCloud, silent } from "../fakes.ts";
import type { PodStatus } from "../../../src/pods/model/pod-status.ts";
import { StatusSender } from "../../../src/pods/status/sender.ts";
import { HandClock, settle } from "../hand-clock.ts";

const target = { uid: "u", name: "p", namespace: "default" };
const status = (phase: PodStatus["phase"], startTime = "t"): PodStatus => ({
  phase,
  startTime,
  conditions: [],
});

describe("StatusSender", () => {
  const senderOf = (
    cloud: FakeCloud,
    clock = new HandClock(),
  ): { sender: StatusSender; clock: HandClock; results: string[] } => {
    const results: string[] = [];
    const sender = new StatusSender({
      uplink: cloud,
      clock,
      log: silent,
      timeoutMs: 1,
      resendAfterMs: 15_000,
      onSent: (r) => results.push(r),
    });
    return { sender, clock, results };
  };

  it("sends a string on podpatch, skips what is acknowledged, and then only differences", async () => {
    const cloud = new FakeCloud();
    const { sender } = senderOf(cloud);
    sender.set(target, status("Pending"));
    await settle();
    sender.set(target, status("Pending"));
    sender.set(target, status("Running"));
    await settle();
    expect(cloud.requests).toEqual([
      { operation: "patch", resource: "default/podpatch/p", content: expect.any(String) },
      {
        operation: "patch",
        resource: "default/podpatch/p",
        content: '{"metadata":{"uid":"u"},"status":{"phase":"Running"}}',
      },
    ]);
  });

  it("keeps only the latest while offline, sends it whole on connect and once more after 15 s", async () => {
    const cloud = new FakeCloud(false);
    const { sender, clock } = senderOf(cloud);
    sender.set(target, status("Pending"));
    sender.set(target, status("Running"));
    await settle();
    expect(cloud.requests).toEqual([]);
    cloud.setConnected(true);
    await settle();
    expect(cloud.patchesOf("p").map((p) => p.status)).toEqual([
      { phase: "Running", startTime: "t", conditions: [] },
    ]);
    await clock.advance(15_000);
    expect(cloud.patchesOf("p")).toHaveLength(2);
    await clock.advance(15_000);
    expect(cloud.patchesOf("p")).toHaveLength(2);
  });

  it("tries again after an error, and no more once the object is gone or another", async () => {
    const cloud = new FakeCloud();
    const { sender, clock, results } = senderOf(cloud);
    const answers: unknown[] = [
      { Object: null, Err: { ErrStatus: { code: 500, message: "etcd" } } },
      { Object: null, Err: { ErrStatus: { code: 404, reason: "NotFound" } } },
    ];
    cloud.answer = () => ({ content: answers.shift() });
    sender.set(target, status("Running"));
    await settle();
    await clock.advance(30_000);
    sender.set(target, status("Failed"));
    await settle();
    expect(results).toEqual(["failed", "gone"]);
  });

  it("sends at once on a connect, whatever pause an earlier session earned", async () => {
    const cloud = new FakeCloud();
    const { sender } = senderOf(cloud);
    cloud.answer = () => ({ operation: "error", content: "later" });
    sender.set(target, status("Running"));
    await settle();
    cloud.setConnected(false);
    cloud.answer = () => undefined;
    cloud.setConnected(true);
    await settle();
    expect(cloud.patchesOf("p")).toHaveLength(2);
  });
  it("flush waits for the acknowledgement, and says when there is none", async () => {
    const cloud = new FakeCloud();
    const { sender } = senderOf(cloud);
    sender.set(target, status("Running"));
    await expect(sender.flush("u")).resolves.toBeUndefined();
    cloud.answer = () => ({ operation: "error", content: "no" });
    sender.set(target, status("Failed"));
    await expect(sender.flush("u")).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});
