// SPDX-License-Identifier: Apache-2.0
import type { Outbox } from "../delivery/outbox.ts";
import { missedDeletions } from "../delivery/placement.ts";
import { LOW_PRIORITY, pause, type Manager } from "../runtime/index.ts";
import type { Placing } from "./controller.ts";

const DEFAULT_SWEEP_MS = 10 * 60 * 1000;
/** Redis may be connected only a moment after the controllers have begun. */
const RETRY_MS = 5_000;

/**
 * Looks now and then for nodes whose deletion was missed, and has them placed, which forgets them.
 *
 * @param intervalMs default 10 min
 */
export function addSweep(
  manager: Manager,
  { outbox, placing, intervalMs = DEFAULT_SWEEP_MS }: SweepDeps,
): void {
  manager.add({
    start: async (signal) => {
      while (!signal.aborted) {
        const isDone = await sweep(manager, outbox, placing);
        await pause(manager.clock, isDone ? intervalMs : Math.min(RETRY_MS, intervalMs), signal);
      }
    },
  });
}

export interface SweepDeps {
  readonly outbox: Pick<Outbox, "knownNodes">;
  /** of the scope that forgets */
  readonly placing: Placing;
  readonly intervalMs?: number | undefined;
}

/** @returns whether all nodes were looked at */
async function sweep(manager: Manager, outbox: SweepDeps["outbox"], placing: Placing): Promise<boolean> {
  try {
    for await (const name of missedDeletions(outbox, placing.hasNode)) {
      placing.requests.enqueue({ namespace: "", name, priority: LOW_PRIORITY });
    }
    return true;
  } catch (error) {
    manager.log.warn({ err: error }, "nodes that are gone were not looked for, the next round will");
    return false;
  }
}
