// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { podOf } from "../fakes.ts";
import type { Container } from "../../../src/pods/model/container.ts";
import type { Pod } from "../../../src/pods/model/pod.ts";
import { linuxLimits, podLimits, qosClass } from "../../../src/pods/resources/limits.ts";

const c: Container = { name: "c", image: "busybox" };

describe("resources", () => {
  const context = { nodeMemoryBytes: 1_000_000_000, ownOomScoreAdj: 0, cpuQuotaEnabled: true };
  const of = (resources: Container["resources"]): Pod =>
    podOf("p", { containers: [{ ...c, ...(resources && { resources }) }] });
  it.each([
    [undefined, "BestEffort", 1000],
    [{ requests: { cpu: "100m", memory: "100M" } }, "Burstable", 900],
    [{ limits: { cpu: "1", memory: "1G" } }, "Guaranteed", 0],
    [{ limits: { cpu: "1" } }, "Burstable", 999],
    [{ limits: { cpu: "1", memory: "1G" }, requests: { cpu: "500m", memory: "1G" } }, "Burstable", 3],
  ] as const)("%j is %s with an oom score of %d, never below the agent's own", (resources, qos, oom) => {
    const pod = of(resources);
    expect(qosClass(pod)).toBe(qos);
    expect(linuxLimits(pod, pod.spec.containers[0]!, context).oomScoreAdj).toBe(oom);
  });
  it("turns CPU into shares and a quota, memory into a limit", () => {
    const pod = of({ requests: { cpu: "250m" }, limits: { cpu: "500m", memory: "64Mi" } });
    const limits = linuxLimits(pod, pod.spec.containers[0]!, context);
    expect(limits).toMatchObject({ cpuShares: 256, cpuQuotaUs: 50_000, memoryBytes: 67_108_864 });
    expect(linuxLimits(pod, pod.spec.containers[0]!, { ...context, cpuQuotaEnabled: false }).cpuQuotaUs).toBe(
      0,
    );
    expect(podLimits(pod)).toEqual({ cpuShares: 256, cpuQuotaUs: 50_000, memoryBytes: 67_108_864 });
    expect(podLimits(podOf("p", { containers: [c, pod.spec.containers[0]!] }))).toMatchObject({
      cpuQuotaUs: 0,
      memoryBytes: 0,
    });
  });
});
