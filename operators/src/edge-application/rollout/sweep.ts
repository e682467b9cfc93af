// SPDX-License-Identifier: Apache-2.0
import { pause, type Clock, type Log } from "../../runtime/index.ts";
import type { RolloutCounters } from "./counters.ts";
import { versionKeysOf, type HostLabels } from "./host-labels.ts";
import type { PrePull } from "./port.ts";

export interface SweepDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly hosts: Pick<HostLabels, "set">;
  readonly prePull: Pick<PrePull, "owners" | "clean">;
  readonly counters: RolloutCounters;
  /** From the caches, which are filled. */
  readonly nodes: () => readonly NodeLabels[];
  /** Keys of hosts' labels of the applications that there are. */
  readonly keys: () => ReadonlySet<string>;
  readonly uids: () => ReadonlySet<string>;
  /** Default 10 min. */
  readonly everyMs?: number;
  /** Between two looks that must see the same before anything is removed; default 30 s. */
  readonly confirmMs?: number;
  /** Labels that are removed in one round; default 1000. */
  readonly maxLabels?: number;
}

interface NodeLabels {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const isOver = (signal: AbortSignal): boolean => signal.aborted;

const OURS = /\/[0-9a-f]{16}$/;

/**
 * Removes what applications left outside of their namespace that were deleted while nobody looked: labels of hosts and
 * pre-pull jobs. Never rejects: what fails is tried in the next round.
 */
export async function sweepRollouts(deps: SweepDeps, signal: AbortSignal): Promise<void> {
  const { clock, everyMs = 600_000, confirmMs = 30_000 } = deps;
  while (!signal.aborted) {
    const first = await lookAt(deps, signal);
    // A cache may be behind the other for a moment: what is there later, too, is nobody's.
    await pause(clock, confirmMs, signal);
    if (first.size > 0) await removeBoth(deps, first, signal);
    await pause(clock, everyMs, signal);
  }
}

/** What nobody owns: `job <uid>`, or `label <node> <key>`. */
async function lookAt(
  { nodes, keys, uids, prePull, log }: SweepDeps,
  signal: AbortSignal,
): Promise<Set<string>> {
  const known = keys();
  const labels = nodes().flatMap(({ name, labels: all }) =>
    versionKeysOf(all)
      .filter((key) => OURS.test(key) && !known.has(key))
      .map((key) => `label ${name} ${key}`),
  );
  let owners: readonly string[] = [];
  try {
    owners = await prePull.owners(signal);
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, "pre-pull jobs that nobody owns were not looked for");
  }
  const present = uids();
  return new Set([...labels, ...owners.filter((uid) => !present.has(uid)).map((uid) => `job ${uid}`)]);
}

async function removeBoth(deps: SweepDeps, before: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const both = [...(await lookAt(deps, signal))].filter((one) => before.has(one));
  for (const one of both.slice(0, deps.maxLabels ?? 1000)) {
    try {
      await removeOne(deps, one, signal);
    } catch (error) {
      if (isOver(signal)) return;
      deps.log.warn({ what: one, err: error }, "what an application had left was not removed");
    }
  }
}

async function removeOne(
  { hosts, prePull, counters, log }: SweepDeps,
  one: string,
  signal: AbortSignal,
): Promise<void> {
  const [what = "", name = "", key = ""] = one.split(" ");
  if (what === "label") {
    await hosts.set(key, { node: name }, signal);
    counters.swept("label");
  } else {
    await prePull.clean({ namespace: "", name: "", uid: name }, undefined, signal);
    counters.swept("job");
  }
  log.info({ what: one }, "removed what an application that is gone had left");
}
