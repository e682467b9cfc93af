// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { configUpdateJob } from "../../../src/config-update-job/index.ts";
import type { JobStatus, TaskPhase } from "../../../src/node-job/index.ts";
import type { JobAdapter } from "../../../src/node-job/shell/index.ts";
import { createRivals } from "../../../src/node-job/shell/rivals.ts";
import { createTrim, type StoredJob } from "../../../src/node-job/shell/stored-job.ts";
import { imagePrePullJob } from "../../../src/image-prepull-job/index.ts";
import { nodeUpgradeJob } from "../../../src/node-upgrade-job/index.ts";
import type { KubeObject } from "../../../src/runtime/index.ts";
import { names, upgrade } from "./specs.ts";

const { signal } = new AbortController();

const objectOf = (sequence: number, phase: JobStatus["phase"], ...tasks: TaskPhase[]): KubeObject => {
  const nodeStatus = tasks.map((one, i) => ({ nodeName: `edge-${i}`, phase: one, attempt: 1 }));
  return {
    metadata: { name: `job-${sequence}`, uid: `u${sequence}`, resourceVersion: "1" },
    spec: upgrade(names(2)),
    status: { phase, sequence: String(sequence), nodeStatus },
  } as KubeObject;
};

/** Jobs, the first of which asks for its rivals. */
function bench(
  objects: readonly KubeObject[],
  neighbours: readonly StoredJob[] = [],
  adapter: JobAdapter = nodeUpgradeJob,
) {
  const jobs = objects.map(createTrim(adapter));
  const reads = { all: 0, now: 0, most: 0 };
  const rivals = createRivals({
    ...{ adapter, jobs: { list: () => jobs }, neighbours: () => neighbours },
    client: {
      get: async <T>(_: unknown, { name }: { name: string }): Promise<T> => {
        reads.all++;
        reads.most = Math.max(reads.most, ++reads.now);
        await Promise.resolve();
        reads.now--;
        return objects.find(({ metadata }) => metadata.name === name) as T;
      },
    },
  });
  return { reads, rivals: () => rivals.of(jobs[0] as StoredJob, signal) };
}

describe("rivals of a job", () => {
  const ended = Array.from({ length: 60 }, (_, i) => objectOf(10 + i, "Completed", "Successful"));

  it("are later jobs that ended, too, read a few at a time and once, with their nodes alone", async () => {
    const { reads, rivals } = bench([objectOf(5, "InProgress", "Pending", "Pending"), ...ended]);
    const found = await rivals();
    expect(found.map(({ phaseOf }) => [phaseOf("edge-0"), phaseOf("edge-1")])).toEqual(
      ended.map(() => ["Successful", undefined]),
    );
    expect(reads.most).toBeLessThanOrEqual(16);
    await rivals();
    expect(reads.all).toBe(60);
  });

  it("that ended are not read for a job none of whose nodes waits", async () => {
    const { reads, rivals } = bench([objectOf(5, "InProgress", "InProgress", "Failure"), ...ended]);
    expect([await rivals(), reads.all]).toEqual([[], 0]);
  });

  const config = createTrim(configUpdateJob)({
    metadata: { name: "conf", uid: "c", resourceVersion: "1" },
    spec: { nodeNames: names(2), updateFields: { "modules.edgeStream.enable": "true" } },
    status: {
      ...{ phase: "InProgress", sequence: "3" },
      nodeStatus: [{ nodeName: "edge-0", phase: "InProgress", attempt: 1 }],
    },
  } as unknown as KubeObject);

  it("are jobs of another kind that change the agent, as long as they are at work", async () => {
    const { rivals } = bench([objectOf(5, "InProgress", "Pending")], [config]);
    const [found] = await rivals();
    expect(found).toMatchObject({ name: "conf", supersedes: false, isOtherKind: true });
    expect(found?.phaseOf("edge-0")).toBe("InProgress");
  });

  it("are none for pulls of images", async () => {
    const { rivals } = bench([objectOf(5, "InProgress", "Pending")], [config], imagePrePullJob);
    expect(await rivals()).toEqual([]);
  });
});
