// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { mountPoints } from "../../../src/pods/volumes/mounter.ts";

describe("mount points of the node", () => {
  it("read mount points with escaped characters", () => {
    expect(mountPoints("22 1 0:21 / /a\\040b rw - tmpfs tmpfs rw\n23 1 0:22 / /c rw - x x rw\n")).toEqual([
      "/a b",
      "/c",
    ]);
  });
});
