// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { CriError, type CriErrorCode } from "../../../src/cri/index.ts";
import type { ImageOutcome } from "../../../src/pods/images/images.ts";
import type { PodContext } from "../../../src/pods/worker/context.ts";
import { Executor } from "../../../src/pods/worker/executor.ts";
import { freshRecord, Journal } from "../../../src/pods/worker/journal.ts";
import { identityOf } from "../../../src/pods/worker/state.ts";
import { MemoryRecords, podOf, silent } from "../fakes.ts";

const pod = podOf("p", { containers: [{ name: "c", image: "i" }] });
const action = { kind: "startContainer", name: "c", attempt: 3, sandboxId: "s" } as const;
const refused = (code: CriErrorCode, what: string): (() => Promise<never>) => {
  return () => Promise.reject(new CriError(code, what, "no such user"));
};

const READY: ImageOutcome = { kind: "ready", image: { ref: "i", user: { uid: 0n, name: "" } } };
const without = (reason: string, message: string): ImageOutcome => {
  return { kind: "wait", wait: { reason, message, untilMs: 1 } };
};

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "executor-"));
  await mkdir(join(dir, "pods", "uid-p"), { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** An executor on a runtime that does as it is told, and what it logged and told. */
function make(
  cri: Partial<Record<"createContainer" | "startContainer", () => Promise<unknown>>>,
  answers: ImageOutcome[] = [],
) {
  let nowMs = 0;
  const told: string[] = [];
  const logged: string[] = [];
  const context = {
    cri: { createContainer: () => Promise.resolve("id"), startContainer: () => Promise.resolve(), ...cri },
    clock: { nowMs: () => 0, monotonicMs: () => nowMs, schedule: () => () => undefined },
    log: { ...silent, warn: (_: unknown, line: string) => void logged.push(line), debug: () => undefined },
    images: { ensure: () => Promise.resolve(answers.shift() ?? READY) },
    events: { emit: (_: unknown, event: { reason: string }) => void told.push(event.reason) },
    objects: () => ({ get: () => Promise.resolve(undefined) }),
    node: {
      name: "n",
      ip: "192.0.2.1",
      allocatable: () => ({ cpuMilli: 1, memoryBytes: 1, ephemeralStorageBytes: 1 }),
    },
    limits: { nodeMemoryBytes: 1, ownOomScoreAdj: 0, cpuQuotaEnabled: true },
    options: {
      rootDir: dir,
      podLogsDir: dir,
      cgroupParent: "/x",
      cgroupDriver: "cgroupfs",
      clusterDns: { servers: [], domain: "" },
    },
    hostDns: () => ({ servers: [], searches: [], options: [] }),
  } as unknown as PodContext;
  const journal = new Journal(new MemoryRecords(), silent, {
    ...freshRecord(identityOf(pod), "2026-01-01T00:00:00Z", 0),
    attempts: { c: 2 },
  });
  const executor = new Executor(context, journal, () => undefined);
  const failed = (reason: string): number => told.filter((r) => r === reason).length;
  return { executor, journal, logged, failed, advance: (ms: number) => void (nowMs += ms) };
}

describe("Executor.startContainer", () => {
  it.each([
    ["CreateContainerError", { createContainer: refused("RUNTIME", "CreateContainer") }, 2_000],
    ["RunContainerError", { startContainer: refused("RUNTIME", "StartContainer") }, 1_000],
  ])("waits with %s when that step fails", async (reason, cri, untilMs) => {
    const { executor } = make(cri);
    const { wait } = await executor.startContainer(pod, action, undefined);
    expect(wait).toMatchObject({ reason, message: expect.stringContaining("no such user"), untilMs });
  });

  it.each([
    ["RUNTIME", 2],
    ["DEADLINE", 3],
  ] as const)("after a create that ended with %s remembers attempt %d as the last", async (code, attempt) => {
    const { executor, journal } = make({ createContainer: refused(code, "CreateContainer") });
    await executor.startContainer(pod, action, undefined);
    expect(journal.value.attempts["c"]).toBe(attempt);
  });

  it("tries again while the container is not there that an ephemeral one looks into", async () => {
    const look = { name: "look", image: "i", targetContainerName: "c" };
    const looked = podOf("p", { containers: [{ name: "c", image: "i" }], ephemeralContainers: [look] });
    const { executor, journal } = make({});
    const { wait } = await executor.startContainer(
      looked,
      { ...action, name: "look", attempt: 0 },
      undefined,
    );
    expect(wait).toEqual({
      reason: "CreateContainerConfigError",
      message: "unable to find target container c",
      untilMs: 2_000,
    });
    expect(journal.value.attempts).toEqual({ c: 2 });
  });

  it.each([
    ["is remembered from its start on", {}, { c: 2, look: 0 }],
    [
      "is remembered though its start failed",
      { startContainer: refused("RUNTIME", "Start") },
      { c: 2, look: 0 },
    ],
    [
      "is not remembered when it may not have been made",
      { createContainer: refused("DEADLINE", "Create") },
      { c: 2 },
    ],
  ])("an ephemeral container %s", async (_title, cri, attempts) => {
    const look = { name: "look", image: "i" };
    const looked = podOf("p", { containers: [{ name: "c", image: "i" }], ephemeralContainers: [look] });
    const { executor, journal } = make(cri);
    await executor.startContainer(looked, { ...action, name: "look", attempt: 0 }, undefined);
    expect(journal.value.attempts).toEqual(attempts);
  });

  it("tries what is missing again with pauses that double up to a minute, and logs it once", async () => {
    const env = [{ name: "X", valueFrom: { configMapKeyRef: { name: "none", key: "k" } } }];
    const lacking = podOf("p", { containers: [{ name: "c", image: "i", env }] });
    const { executor, logged, failed, advance } = make({});
    const pauses: number[] = [];
    let nowMs = 0;
    for (let i = 0; i < 7; i++) {
      const { wait } = await executor.startContainer(lacking, action, undefined);
      expect(wait?.reason).toBe("CreateContainerConfigError");
      const pauseMs = (wait?.untilMs ?? 0) - nowMs;
      pauses.push(pauseMs);
      nowMs += pauseMs;
      advance(pauseMs);
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(logged).toEqual(["container not started"]);
    expect(failed("Failed")).toBe(1);
    advance(600_000);
    await executor.startContainer(lacking, action, undefined);
    expect([logged.length, failed("Failed")]).toEqual([1, 2]);
  });

  it("tells once why an image is not there, and again when it is another reason", async () => {
    const { executor, logged, failed } = make({}, [
      without("ErrImagePull", "no such host"),
      without("ImagePullBackOff", "Back-off"),
      without("ErrImagePull", "no such host"),
      without("ErrImagePull", "denied"),
    ]);
    const counts: number[] = [];
    for (let i = 0; i < 4; i++) {
      await executor.startContainer(pod, action, undefined);
      counts.push(failed("Failed"));
    }
    expect(counts).toEqual([1, 1, 1, 2]);
    expect(logged).toEqual(["no image", "no image"]);
  });

  it("logs a failure again after the container ran, and when it is another", async () => {
    const answers = ["a", "a", "b", undefined, "b"];
    const { executor, logged } = make({
      createContainer: () => {
        const answer = answers.shift();
        return answer === undefined
          ? Promise.resolve("id")
          : Promise.reject(new CriError("RUNTIME", "CreateContainer", answer));
      },
    });
    const counts: number[] = [];
    for (let i = 0; i < 5; i++) {
      await executor.startContainer(pod, action, undefined);
      counts.push(logged.length);
    }
    expect(counts).toEqual([1, 1, 2, 2, 3]);
  });
});
