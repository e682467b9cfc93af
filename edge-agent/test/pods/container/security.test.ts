// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { NamespaceMode } from "@longshore/crds/cri";
import { podOf } from "../fakes.ts";
import { containerSecurity } from "../../../src/pods/container/security.ts";
import type { Container } from "../../../src/pods/model/container.ts";

const c: Container = { name: "c", image: "busybox" };

describe("the security that the runtime is asked for", () => {
  it("hides parts of /proc unless the container is privileged, and takes the container's user before the pod's", () => {
    const pod = podOf("p", { containers: [c], securityContext: { runAsUser: 1, runAsGroup: 2 } });
    const plain = containerSecurity(
      pod,
      {
        ...c,
        securityContext: { runAsUser: 7, capabilities: { drop: ["ALL"] }, allowPrivilegeEscalation: false },
      },
      { uid: 0n, name: "" },
    );
    expect(plain).toMatchObject({
      runAsUser: { value: 7n },
      runAsGroup: { value: 2n },
      noNewPrivs: true,
      capabilities: { dropCapabilities: ["ALL"] },
    });
    expect(plain.maskedPaths).toContain("/proc/kcore");
    expect(
      containerSecurity(pod, { ...c, securityContext: { privileged: true } }, { uid: 0n, name: "" }),
    ).toMatchObject({ privileged: true, maskedPaths: [] });
  });
  it.each([
    ["no target: its own processes", {}, undefined, { pid: NamespaceMode.CONTAINER }],
    ["a target: that one's", {}, "t", { pid: NamespaceMode.TARGET, targetId: "t" }],
    [
      "a target where all of the pod are seen",
      { shareProcessNamespace: true },
      "t",
      { pid: NamespaceMode.POD },
    ],
    ["a target where all of the node are seen", { hostPID: true }, "t", { pid: NamespaceMode.NODE }],
  ])("shows of %s", (_title, spec, targetId, options) => {
    const pod = podOf("p", { containers: [c], ...spec });
    const { namespaceOptions } = containerSecurity(pod, c, { uid: 0n, name: "" }, targetId);
    expect(namespaceOptions).toEqual({ network: NamespaceMode.POD, ipc: NamespaceMode.POD, ...options });
  });
  it.each([
    [{ runAsNonRoot: true }, { uid: 0n, name: "" }],
    [
      { runAsNonRoot: true, runAsUser: 0 },
      { uid: 5n, name: "" },
    ],
    [{ runAsNonRoot: true }, { uid: undefined, name: "www" }],
  ])("refuses root where it is not allowed: %j with image user %p", (securityContext, user) => {
    expect(() => containerSecurity(podOf("p", { containers: [c] }), { ...c, securityContext }, user)).toThrow(
      expect.objectContaining({ code: "INVALID" }),
    );
  });
});
