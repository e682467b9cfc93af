// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import type { DataPlane } from "../data/index.ts";
import type { Current } from "./collector.ts";
import type { Entry } from "./entries.ts";
import { afterRun, isDue, untilNext } from "./schedule.ts";

/** The third part of a device, which hands readings to the data plane when they are due. */
export interface Publisher {
  /** Milliseconds until the next push, undefined when only a new reading brings more. */
  readonly step: () => number | undefined;
  readonly isNeeded: () => boolean;
}

/** Each reading goes once: what the device did not say again is not said again. */
export function createPublisher(
  clock: Clock,
  current: Current,
  dataPlane: Pick<DataPlane, "offer">,
): Publisher {
  const pushing = (): Entry[] => [...current.entries.values()].filter(({ push }) => push !== undefined);

  function publish(entry: Entry, nowMs: number): void {
    const { twin, plan, push } = entry;
    if (!twin.latest || !plan.push || !push) return;
    entry.push = afterRun(push, nowMs);
    entry.pushed = twin.latest;
    const { namespace, name } = current.plan.device;
    const { text, value, atMs } = twin.latest;
    const from = { namespace, device: name, property: plan.property.name, type: plan.property.type };
    dataPlane.offer(plan.push.targets, { ...from, text, value, atMs });
  }

  return {
    step: () => {
      const nowMs = clock.monotonicMs();
      const news = pushing().filter(({ twin, pushed }) => twin.latest !== pushed);
      for (const entry of news) if (isDue(entry.push?.dueMs ?? nowMs, nowMs)) publish(entry, nowMs);
      const waiting = news.filter(({ twin, pushed }) => twin.latest !== pushed);
      return untilNext(
        waiting.flatMap(({ push }) => (push ? [push.dueMs] : [])),
        nowMs,
      );
    },
    isNeeded: () => pushing().length > 0,
  };
}
