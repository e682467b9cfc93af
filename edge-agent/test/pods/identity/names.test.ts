// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { podOf } from "../fakes.ts";
import { checkPod } from "../../../src/pods/identity/names.ts";
import type { Container } from "../../../src/pods/model/container.ts";

const c: Container = { name: "c", image: "busybox" };

describe("names of a pod", () => {
  it("refuses names that would lead out of its folders", () => {
    expect(() => checkPod(podOf("p", { containers: [c] }, "../../etc"))).toThrow(
      expect.objectContaining({ code: "INVALID" }),
    );
    expect(() =>
      checkPod(podOf("p", { containers: [c], volumes: [{ name: "..", emptyDir: {} }] })),
    ).toThrow();
    expect(() =>
      checkPod(podOf("p", { containers: [c], ephemeralContainers: [{ ...c, name: "../c" }] })),
    ).toThrow();
    expect(() => checkPod(podOf("p.q-1", { containers: [c] }))).not.toThrow();
  });
});
