// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createRig, type Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.stop());

describe("batches of device reports", () => {
  it.each([
    { edge: "an edge that can send them", offer: { deviceBatch: 1 }, answer: 1 },
    { edge: "an edge of a later version", offer: { deviceBatch: 2 }, answer: 1 },
    { edge: "an edge that says nothing of them", offer: {}, answer: undefined },
    { edge: "an edge that says 0", offer: { deviceBatch: 0 }, answer: undefined },
  ])("are agreed on with $edge: $answer", async ({ offer, answer }) => {
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    expect((await edge.greet([], offer)).deviceBatch).toBe(answer);
  });

  it("close an edge whose hello tells a version that is no number", async () => {
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    edge.session("hello", {
      ...{ sessionEpoch: 0, clusterEpoch: 0, inventoryDigest: "", inventoryCount: 0, deviceBatch: "1" },
    });
    expect((await edge.closed).code).toBe(4400);
  });
});
