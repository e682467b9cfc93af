// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { EdgeApplication, EdgeApplicationStatus } from "@longshore/crds/apps";
import { createMemories } from "../../../src/edge-application/memory.ts";
import { writeStatus, type StatusWriterDeps } from "../../../src/edge-application/status/writer.ts";

const app = {
  metadata: { name: "shop", namespace: "ns", uid: "u1", resourceVersion: "1" },
  spec: { workloadScope: {} },
} as EdgeApplication;
const statusOf = (entries: number, ordinal: number): EdgeApplicationStatus => ({
  workloadStatus: Array.from({ length: entries }, () => ({
    ...{ identifier: { ordinal }, conditions: "Available" as const },
  })),
});

describe("the status of an application", () => {
  it.each([
    { entries: 1, everyMs: 1000 },
    { entries: 500, everyMs: 1000 },
    { entries: 2000, everyMs: 4000 },
  ])("with $entries objects is written every $everyMs ms at most", async ({ entries, everyMs }) => {
    let nowMs = 0;
    let writes = 0;
    const memory = createMemories().of("ns/shop", "u1");
    const client = {
      apply: () => Promise.resolve({ metadata: { ...app.metadata, resourceVersion: `${++writes + 10}` } }),
    } as unknown as StatusWriterDeps["client"];
    const write = (ordinal: number, isUrgent = false): Promise<number> =>
      writeStatus(
        { client, clock: { nowMs: () => nowMs }, everyMs: 1000 },
        { app, memory, status: statusOf(entries, ordinal), isUrgent, signal: new AbortController().signal },
      );
    expect(await write(1)).toBe(0);
    expect(await write(2)).toBe(everyMs);
    nowMs = everyMs - 1;
    expect(await write(2)).toBe(1);
    expect(writes).toBe(1);
    expect(await write(2, true)).toBe(0);
    nowMs += everyMs;
    expect(await write(3)).toBe(0);
    expect(writes).toBe(3);
  });
});
