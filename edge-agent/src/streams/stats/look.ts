// SPDX-License-Identifier: Apache-2.0
import {
  type Attempt,
  fsAt,
  fsOf,
  listAll,
  type MachineSource,
  readMachine,
  type RuntimeCalls,
  statesOf,
} from "./source/index.ts";
import { readPods, type Depth, type PodSource } from "./pods.ts";
import type { Rates } from "./rates.ts";
import type { MachineUsage, NodeUsage, PodUsage } from "./usage.ts";

export interface LookDeps {
  readonly cri: RuntimeCalls;
  readonly source: MachineSource & PodSource;
  readonly rates: Rates;
  readonly attempt: Attempt;
  readonly nowMs: () => number;
}

/** Looks at the machine and at all that runs on it, once. Throws nothing: what fails is missing in the answer. */
export async function lookAtNode(deps: LookDeps, depth: Depth): Promise<NodeUsage> {
  const { cri, source, rates, attempt } = deps;
  const [machine, listing] = await Promise.all([readMachine(source, deps.nowMs()), listAll(cri, attempt)]);
  const atMs = deps.nowMs();
  const mountpoint = listing.imageFs?.fsId?.mountpoint;
  const imageFs = mountpoint === undefined ? undefined : await fsAt(mountpoint, atMs);
  const pods = await readPods({
    ...{ source, listing, depth, atMs, imageFs },
    nowMs: deps.nowMs,
    nodeFs: machine.fs,
  });
  const usage = {
    atMs,
    machine: { ...rated(rates, "node", machine), imageFs: fsOf(listing.imageFs, imageFs) },
    pods: pods.map((pod) => podRated(rates, pod)),
    containerStates: statesOf(listing.containers),
    fault: listing.fault,
  };
  rates.forgetOthers();
  return usage;
}

const rated = <T extends Pick<MachineUsage, "cpu">>(rates: Rates, key: string, usage: T): T => ({
  ...usage,
  cpu: rates.add(key, usage.cpu),
});

const podRated = (rates: Rates, pod: PodUsage): PodUsage => ({
  ...rated(rates, `pod/${pod.uid}`, pod),
  containers: pod.containers.map((c) => rated(rates, c.id, c)),
});
