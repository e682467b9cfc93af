// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { DeliveryError } from "../../src/delivery/errors.ts";
import type { NodeStanding, Outbox } from "../../src/delivery/outbox.ts";
import { restingOutbox } from "../../src/device/resting.ts";

const STANDING: NodeStanding = { isConnected: true, isEstablished: true, objects: [] };
let nowMs: number;
let asked: number;
let answer: () => Promise<NodeStanding>;
let outbox: Pick<Outbox, "standing">;
beforeEach(() => {
  nowMs = 0;
  asked = 0;
  answer = () => Promise.resolve(STANDING);
  const inner = {
    standing: () => {
      asked += 1;
      return answer();
    },
  };
  outbox = restingOutbox(inner, { nowMs: () => nowMs, restMs: 5_000 });
});
const ask = (): Promise<NodeStanding> => outbox.standing("edge-1", "device", []);

describe("what a node has, while Redis hangs", () => {
  it("is asked for once in a while, not for each device anew", async () => {
    answer = () => {
      nowMs += 5_000; // as long as a call to it takes
      return Promise.reject(new DeliveryError("UNAVAILABLE", "timed out"));
    };
    for (let i = 0; i < 100; i++) await expect(ask()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect([asked, nowMs]).toEqual([1, 5_000]);
    nowMs += 5_000;
    await expect(ask()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(asked).toBe(2);
  });

  it("is asked for by one at a time, so that the others need not wait for it", async () => {
    answer = () => Promise.reject(new DeliveryError("UNAVAILABLE", "gone"));
    await expect(ask()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    nowMs += 5_000;
    let reply: (standing: NodeStanding) => void = () => undefined;
    answer = () => new Promise((resolve) => (reply = resolve));
    const first = ask();
    await expect(ask()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    reply(STANDING);
    expect(await first).toBe(STANDING);
    answer = () => Promise.resolve(STANDING);
    expect(await ask()).toBe(STANDING);
  });

  it("is told again as soon as it answers after the rest", async () => {
    answer = () => Promise.reject(new DeliveryError("UNAVAILABLE", "gone"));
    await expect(ask()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    answer = () => Promise.resolve(STANDING);
    nowMs += 5_000;
    expect(await ask()).toBe(STANDING);
    expect(await ask()).toBe(STANDING);
    expect(asked).toBe(3);
  });

  it("does not rest for a fault that is not Redis's absence", async () => {
    answer = () => Promise.reject(new Error("ours"));
    for (let i = 0; i < 3; i++) await expect(ask()).rejects.toThrow("ours");
    expect(asked).toBe(3);
  });
});
