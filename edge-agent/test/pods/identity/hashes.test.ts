// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { kubeletHash, specHash } from "../../../src/pods/identity/hashes.ts";
import type { Container } from "../../../src/pods/model/container.ts";

const c: Container = { name: "c", image: "busybox" };

describe("hashes", () => {
  it("equal the kubelet's (printed by its own code)", () => {
    expect(kubeletHash({ name: "c", image: "docker.io/library/busybox:1.36" })).toBe("c0d793c2");
    expect(kubeletHash({ name: "a", image: "x<y>&z" })).toBe("edea34e4");
  });
  it("change with the image and the command, and not with resources or the order of fields", () => {
    const base = specHash({ ...c, command: ["a"] });
    expect(specHash({ command: ["a"], image: "busybox", name: "c" })).toBe(base);
    expect(specHash({ ...c, command: ["a"], resources: { limits: { cpu: "1" } } })).toBe(base);
    expect(specHash({ ...c, command: ["b"] })).not.toBe(base);
    expect(specHash({ ...c, command: ["a"], image: "other" })).not.toBe(base);
  });
});
