// SPDX-License-Identifier: Apache-2.0
import { expect } from "@jest/globals";
import { PODS } from "../../../src/hub/uplink/kinds.ts";
import type { uplinkBench } from "./bench.ts";

/** The one refusal so far is counted under its reason, told in one short line, and another node is served as ever. */
export async function expectOneRefusal(bench: ReturnType<typeof uplinkBench>, reason: string): Promise<void> {
  expect(await bench.rejects()).toEqual({ [reason]: 1 });
  expect(bench.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    "warn uplink frame refused",
  ]);
  expect(JSON.stringify(bench.lines).length).toBeLessThan(256);
  bench.client.put(PODS, { metadata: { name: "n", namespace: "default" }, spec: { nodeName: "edge-2" } });
  const reply = await bench.askAsNeighbour("patch", "default/podpatch/n", { status: { phase: "Running" } });
  expect(reply?.content).toMatchObject({ Object: { metadata: { name: "n" } }, Err: null });
}
