// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { movesOf } from "../../../src/edge-application/rollout/hosts.ts";
import type { NodeView, WorkloadView } from "../../../src/edge-application/rollout/port.ts";

const KEY = "host-version";
const REVISION = "r1";
const node = (name: string, version?: string): NodeView => ({
  ...{ name, isReady: true },
  labels: version === undefined ? {} : { [KEY]: version },
});
const daemonSet = (name: string, pods: number, version?: string): WorkloadView => ({
  ...{ kind: "DaemonSet", name, revision: REVISION, isObserved: true },
  ...{ desired: pods, upToDate: pods, available: pods, ...(version !== undefined && { version }) },
});

describe("hosts that two targets have", () => {
  it("hold up none of the second target's own, though its DaemonSets count them all", () => {
    const [shared, ...own] = [node("a", "v2"), node("b"), node("c"), node("d")];
    const workloads = [daemonSet("cache", 3), daemonSet("cache-v2", 1, "v2")];
    const moves = movesOf({
      ...{ view: { name: "second", nodes: [shared, ...own], workloads }, own },
      expected: {
        ...{ key: KEY, revision: REVISION },
        children: workloads.map(({ kind, name }) => ({
          ...{ object: { kind, metadata: { name } }, images: [] },
        })),
      },
      wanted: new Map(["a", "b", "c", "d"].map((name) => [name, "v2"])),
      ...{ cap: 2, isLongAgo: true, isOverdue: false },
    });
    expect(moves).toEqual(["b", "c"].map((name) => ({ node: name, version: "v2" })));
  });
});
