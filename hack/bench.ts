// SPDX-License-Identifier: Apache-2.0
// `make bench`: what a user feels and what an idle node costs, on the whole real system on this machine.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureControlPlane } from "./control-plane/build.ts";
import { startEnvironment } from "./cluster/environment.ts";
import { createKubectl, type Kubectl } from "./cluster/kubectl.ts";
import { layoutOf, type Layout } from "./cluster/layout.ts";
import type { PodObject } from "./cluster/objects.ts";
import { findProcess } from "./cluster/processes.ts";
import { sweep } from "./cluster/sweep.ts";
import { pod, SLEEP } from "./e2e/manifests.ts";
import { script } from "./fault.ts";
import { ensurePrerequisites, requireRoot } from "./prerequisites.ts";
import { createSteps, type Say } from "./steps.ts";
import { waitFor } from "./wait.ts";

const PODS = 20;
const POLL_MS = 20;
const IDLE_MS = 30_000;
const TICKS_PER_SECOND = 100;

interface Result {
  readonly what: string;
  readonly value: string;
}

async function bench(): Promise<void> {
  requireRoot("make bench");
  const layout = layoutOf("bench");
  const steps = createSteps();
  await steps.run("Check what this machine has", (say) => ensurePrerequisites(say));
  const bin = await steps.run("Get the control plane", (say) => ensureControlPlane(say));
  try {
    const hubPorts = { tunnel: layout.firstPort + 12, join: layout.firstPort + 13 };
    const state = await startEnvironment(layout, steps, { bin, nodeGraceSeconds: 50, hubPorts });
    const kubectl = createKubectl({ command: state.kubectl, kubeconfig: layout.kubeconfig });
    const idle = await steps.run(`Measure ${IDLE_MS / 1000} s without pods`, () => measureIdle(layout));
    const pods = await steps.run(`Start and delete ${PODS} pods, one after the other`, (say) =>
      measurePods(kubectl, say),
    );
    const rows = [...pods, ...idle];
    const width = Math.max(...rows.map(({ what }) => what.length));
    process.stdout.write(
      `\n${rows.map(({ what, value }) => `  ${what.padEnd(width)}  ${value}`).join("\n")}\n`,
    );
  } finally {
    await steps.run("Remove everything", () => sweep(layout));
  }
}

async function measurePods(kubectl: Kubectl, say: Say): Promise<Result[]> {
  const startMs: number[] = [];
  const deleteMs: number[] = [];
  for (let index = 0; index < PODS; index++) {
    const name = `bench-${index}`;
    const manifest = pod({ namespace: "default", name, script: SLEEP });
    startMs.push(
      await timed(
        () => kubectl.create(manifest),
        () => isRunning(kubectl, name),
      ),
    );
    const remove = () => kubectl.run("delete", "pod", name, "--grace-period=1", "--wait=false");
    deleteMs.push(await timed(remove, async () => (await kubectl.find("pod", name)) === undefined));
    if ((index + 1) % 5 === 0) say(`${index + 1} pods`);
  }
  return [
    { what: "pod create to Running, image present", value: summary(startMs) },
    { what: "pod delete with grace 1 s to gone", value: summary(deleteMs) },
  ];
}

const isRunning = async (kubectl: Kubectl, name: string): Promise<boolean> =>
  (await kubectl.find<PodObject>("pod", name))?.status.phase === "Running";

/** From the end of `act` until `done`; the polling kubectl takes some 50 ms of it. */
async function timed(act: () => Promise<unknown>, done: () => Promise<boolean>): Promise<number> {
  await act();
  const startedMs = performance.now();
  await waitFor(done, { what: "the pod", timeoutMs: 60_000, intervalMs: POLL_MS });
  return performance.now() - startedMs;
}

/** @returns p50, p90 and the longest, in seconds */
function summary(timesMs: readonly number[]): string {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    ((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) / 1000).toFixed(2);
  return `p50 ${at(0.5)} s, p90 ${at(0.9)} s, max ${at(1)} s (n=${sorted.length})`;
}

async function measureIdle(layout: Layout): Promise<Result[]> {
  const names = ["agent", "hub", "controllers", "redis"];
  const before = names.map((name) => usage(layout, name));
  await sleep(IDLE_MS);
  return names.map((name, index) => {
    const { rssMb, cpuSeconds } = usage(layout, name);
    const perMinute = ((cpuSeconds - before[index]!.cpuSeconds) * 60_000) / IDLE_MS;
    return {
      what: `${name}, idle`,
      value: `${rssMb.toFixed(0)} MB RSS, ${perMinute.toFixed(2)} CPU s a minute`,
    };
  });
}

function usage(layout: Layout, name: string): { rssMb: number; cpuSeconds: number } {
  const pid = findProcess(layout, name)?.pid ?? 0;
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  return { rssMb: rssKb / 1024, cpuSeconds: ((fields[11] ?? 0) + (fields[12] ?? 0)) / TICKS_PER_SECOND };
}

await script(bench);
