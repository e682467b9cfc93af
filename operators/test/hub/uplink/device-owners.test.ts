// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createPulse } from "../../../src/hub/uplink/device-owners.ts";

describe("the pulse of a watch", () => {
  const world = () => {
    let nowMs = 0;
    const pulse = createPulse({ nowMs: () => nowMs });
    const pass = (ms: number): void => void (nowMs += ms);
    return { pulse, pass };
  };

  it("is as old as the last watch that was opened after one that did not fail", () => {
    const { pulse, pass } = world();
    expect(pulse.ageMs()).toBe(Infinity);
    pulse.watched();
    pass(8_000);
    expect(pulse.ageMs()).toBe(8_000);
    pulse.watched();
    expect(pulse.ageMs()).toBe(0);
  });

  it("grows while watches fail, however often they are tried, and is new when one has lasted", () => {
    const { pulse, pass } = world();
    pulse.watched();
    for (let i = 0; i < 5; i++) {
      pass(3_000);
      pulse.failed("stalled");
      pulse.watched();
    }
    expect(pulse.ageMs()).toBe(15_000);
    pass(8_000);
    pulse.watched();
    expect(pulse.ageMs()).toBe(0);
  });
});
