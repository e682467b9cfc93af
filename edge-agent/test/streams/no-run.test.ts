// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { KnownPod } from "../../src/pods/index.ts";
import { whyNoRun } from "../../src/streams/no-run.ts";
import { podOf } from "../pods/fakes.ts";

const target = { namespace: "default", pod: "web", uid: "uid-web", container: "main" };
const pod = podOf("web", {
  containers: [{ name: "main", image: "i" }],
  initContainers: [{ name: "init", image: "i" }],
  ephemeralContainers: [{ name: "look", image: "i" }],
});

const LISTS: Readonly<Record<string, string>> = {
  init: "initContainerStatuses",
  look: "ephemeralContainerStatuses",
};

/** The pod as the node shows it while the container is in this state. */
const known = (state?: object, name = "main"): KnownPod => {
  const statuses = state === undefined ? [] : [{ name, state }];
  return { pod, status: { [LISTS[name] ?? "containerStatuses"]: statuses } };
};
const waits = (reason: string) => known({ waiting: { reason } });

describe("why a container has no run", () => {
  it.each([
    [waits("ContainerCreating"), "is waiting to start: ContainerCreating"],
    [waits("PodInitializing"), "is waiting to start: PodInitializing"],
    [waits("ErrImagePull"), "is waiting to start: image can't be pulled"],
    [waits("ImagePullBackOff"), "is waiting to start: trying and failing to pull image"],
    [waits("CreateContainerConfigError"), "is waiting to start: CreateContainerConfigError"],
    [known(), "is waiting to start: ContainerCreating"],
    [known({ terminated: { exitCode: 0 } }), "is terminated"],
  ])("is told as a kubelet tells it (%#)", (pod, words) => {
    expect(whyNoRun(target, pod)).toMatchObject({
      code: "BAD_REQUEST",
      message: `container "main" in pod "web" ${words}`,
    });
  });
  it.each(["init", "look"])("is told of init and ephemeral containers too (%s)", (container) => {
    const state = known({ waiting: { reason: "ImagePullBackOff" } }, container);
    expect(whyNoRun({ ...target, container }, state).message).toBe(
      `container "${container}" in pod "web" is waiting to start: trying and failing to pull image`,
    );
  });
  it("B148 is that the pod is not on this node", () => {
    expect(whyNoRun(target, undefined)).toMatchObject({
      code: "NOT_FOUND",
      message: `pod "default/web" does not exist on this node`,
    });
  });
  it("is that the pod has no such container", () => {
    expect(whyNoRun({ ...target, container: "other" }, known())).toMatchObject({
      code: "NOT_FOUND",
      message: "container other not found in pod web",
    });
  });
});
