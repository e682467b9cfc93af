// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { EdgeApplication } from "@longshore/crds/apps";
import { createPrePull } from "../../src/edge-application/rollout/pre-pull.ts";
import type { PrePull } from "../../src/edge-application/rollout/port.ts";
import { silentLog, systemClock } from "../../src/runtime/index.ts";
import { startJobBench, type JobBench, type Told } from "../node-job/shell/bench.ts";
import { eventually } from "../runtime/eventually.ts";

let bench: JobBench;
let prePull: PrePull;
beforeAll(async () => {
  bench = await startJobBench();
  prePull = createPrePull({ client: bench.client, clock: systemClock, log: silentLog });
}, 120_000);
afterEach(() => bench.reset());
afterAll(() => bench.close());

const app: EdgeApplication = {
  apiVersion: "apps.kubeedge.io/v1alpha1",
  kind: "EdgeApplication",
  metadata: {
    namespace: "ns",
    name: "cdn",
    uid: "00000000-0000-0000-0000-000000000001",
    resourceVersion: "1",
  },
  spec: { workloadScope: {} },
};
const images = ["busybox:1.36", "bad/none:1"];
const pulled = (...which: boolean[]): Told => ({
  actions: [
    ["Check", true],
    ["Pull", which.every(Boolean), which.every(Boolean) ? "" : "1 of 2 images failed"],
  ],
  more: {
    images: images.map((image, i) => ({
      ...{ image, status: which[i] === true ? "True" : "False" },
      ...(which[i] !== true && { reason: "no such image" }),
    })),
  },
});

describe("images that a rollout has pulled", () => {
  it.each([
    { when: "all nodes pulled all", told: () => pulled(true, true), want: { state: "pulled" } },
    {
      when: "a node could not pull one",
      told: (node: string) => pulled(true, node !== "edge-1"),
      want: { state: "failed", message: "1 of 2 nodes failed: edge-1: bad/none:1: no such image" },
    },
  ])("A38 are $want.state when $when", async ({ told, want }) => {
    const nodes = ["edge-0", "edge-1"];
    await bench.addNodes(nodes);
    const wish = { app, revision: "0123456789", batch: 1, images, nodes };
    expect(await prePull.ensure(wish, new AbortController().signal)).toEqual({ state: "pulling" });
    bench.start({ statusWritesPerSecond: 20 });
    await bench.edges(nodes, (_, node) => told(node));
    await eventually(async () =>
      expect(await prePull.ensure(wish, new AbortController().signal)).toEqual(want),
    );
  });

  it("are not waited for where a node is away", async () => {
    await bench.addNodes(["edge-0"]);
    await bench.addNodes(["away"], { ready: "Unknown" });
    const wish = { app, revision: "0123456789", batch: 1, images, nodes: ["away", "edge-0"] };
    await prePull.ensure(wish, new AbortController().signal);
    bench.start({ statusWritesPerSecond: 20 });
    await bench.edges(["edge-0"], () => pulled(true, true));
    await eventually(async () =>
      expect(await prePull.ensure(wish, new AbortController().signal)).toEqual({ state: "pulled" }),
    );
  });
});
