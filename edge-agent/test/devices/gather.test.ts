// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createGathering } from "../../src/devices/gather.ts";
import { fakeClock } from "../tunnel/fakes.ts";

describe("changes that are answered together", () => {
  it("are 20 answers a second at most, the first at once, and none is missed", () => {
    const clock = fakeClock();
    let changes = 0;
    const seen: number[] = [];
    const gathering = createGathering(clock, 50, () => seen.push(changes));
    clock.advance(1_000);
    changes++;
    gathering.mark();
    clock.advance(0);
    expect(seen).toEqual([1]);
    for (let ms = 0; ms < 1_000; ms++) {
      changes++;
      gathering.mark();
      clock.advance(1);
    }
    expect(seen.length).toBeLessThanOrEqual(21);
    clock.advance(50);
    expect(seen.at(-1)).toBe(1_001);
  });

  it("end when it is stopped", () => {
    const clock = fakeClock();
    let runs = 0;
    const gathering = createGathering(clock, 50, () => runs++);
    gathering.mark();
    gathering.stop();
    gathering.mark();
    clock.advance(1_000);
    expect(runs).toBe(0);
  });
});
