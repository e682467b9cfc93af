// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { podCgroup } from "../../../src/pods/resources/cgroups.ts";

describe("the cgroup of a pod", () => {
  it("writes systemd slices where that is the driver", () => {
    expect(podCgroup("/longshore", "systemd", "a-b", "Burstable")).toBe(
      "/longshore.slice/longshore-burstable.slice/longshore-burstable-poda_b.slice",
    );
  });
});
