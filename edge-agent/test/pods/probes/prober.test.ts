// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { count } from "../../../src/pods/probes/prober.ts";

describe("probe counts", () => {
  it("change their verdict after as many equal answers as asked for", () => {
    const probe = { failureThreshold: 2, successThreshold: 1 };
    const none = { ok: undefined, streak: 0, last: undefined };
    const one = count(none, false, probe);
    const two = count(one, false, probe);
    expect([
      one.ok,
      two.ok,
      count(two, true, probe).ok,
      count(count(two, true, probe), false, probe).ok,
    ]).toEqual([undefined, false, true, true]);
  });
});
