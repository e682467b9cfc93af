// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { conditionOf, type LeaseObject, type NodeObject } from "../cluster/objects.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";

jest.setTimeout(180_000);

describe("node", () => {
  let env: Environment;
  const node = (): Promise<NodeObject> => env.kubectl.json<NodeObject>("get", "node", env.node);
  const lease = (): Promise<LeaseObject> =>
    env.kubectl.json<LeaseObject>("-n", "kube-node-lease", "get", "lease", env.node);

  beforeAll(async () => {
    env = await environment();
  }, 600_000);
  afterAll(cleanEnvironment);

  it("A1 in part: is registered with the role labels and the kubelet version that KubeEdge's tools expect", async () => {
    const { metadata, status } = await node();
    expect(metadata.labels).toMatchObject({
      "node-role.kubernetes.io/edge": "",
      "node-role.kubernetes.io/agent": "",
      "kubernetes.io/hostname": env.node,
      "kubernetes.io/os": "linux",
    });
    expect(status.nodeInfo?.["kubeletVersion"]).toMatch(/^v1\.\d+\.\d+-kubeedge-v\d+\.\d+\.\d+/);
    expect(status.nodeInfo?.["containerRuntimeVersion"]).toMatch(/^containerd:\/\//);
  });

  it("tells capacity, addresses and conditions", async () => {
    const { status } = await node();
    expect(Number(status.capacity?.["cpu"])).toBeGreaterThan(0);
    expect(status.capacity?.["memory"]).toMatch(/^\d+(Ki)?$/);
    expect(Number(status.allocatable?.["pods"])).toBeGreaterThan(0);
    expect(status.addresses).toContainEqual({ type: "Hostname", address: env.node });
    expect(status.addresses?.find(({ type }) => type === "InternalIP")?.address).toMatch(/^[\d.]+$|:/);
    for (const type of ["MemoryPressure", "DiskPressure", "PIDPressure"]) {
      expect(conditionOf({ status }, type)?.status).toBe("False");
    }
    expect(conditionOf({ status }, "Ready")?.status).toBe("True");
  });

  it("renews its Lease", async () => {
    const before = await lease();
    expect(before.spec.holderIdentity).toBe(env.node);
    await eventually(async () => expect((await lease()).spec.renewTime).not.toBe(before.spec.renewTime), {
      timeoutMs: 25_000,
    });
  });

  it("is not ready after its agent stopped, and ready again after it came back", async () => {
    const { metadata } = await node();
    await env.agent.stop();
    await env.nodeReady("Unknown", 60_000);
    await env.agent.start();
    await env.nodeReady("True", 30_000);
    expect((await node()).metadata.uid).toBe(metadata.uid);
  });

  it("is ready again after its link was cut", async () => {
    await env.link.cut();
    await env.nodeReady("Unknown", 60_000);
    await env.link.restore();
    await env.nodeReady("True", 75_000);
  });
});
