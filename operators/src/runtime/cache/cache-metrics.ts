// SPDX-License-Identifier: Apache-2.0
import { Counter, type Registry } from "prom-client";
import type { WatchFailureReason } from "./watch-failure.ts";

export interface ReflectorObserver {
  listed(): void;
  watched(): void;
  failed(reason: WatchFailureReason): void;
  /** A deletion was not of the object that is held. */
  droppedStale(): void;
  /** A handler of events threw. */
  handlerFailed(): void;
}

export interface CacheMetrics {
  observe(kind: string): ReflectorObserver;
}

/** Counters of lists and watches by kind; the first two are named as client-go named them. */
export function createCacheMetrics(registry: Registry): CacheMetrics {
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const lists = counter("reflector_lists_total", "Complete lists that were begun", ["kind"]);
  const watches = counter("reflector_watches_total", "Watches that were opened", ["kind"]);
  const failures = counter("reflector_failures_total", "Lists and watches that failed", ["kind", "reason"]);
  const stale = counter("reflector_stale_events_total", "Deletions of an object that is no longer held", [
    "kind",
  ]);
  const handlers = counter("informer_handler_errors_total", "Events whose handler threw", ["kind"]);
  return {
    observe(kind) {
      for (const c of [lists, watches, stale, handlers]) c.inc({ kind }, 0);
      return {
        listed: () => lists.inc({ kind }),
        watched: () => watches.inc({ kind }),
        failed: (reason) => failures.inc({ kind, reason }),
        droppedStale: () => stale.inc({ kind }),
        handlerFailed: () => handlers.inc({ kind }),
      };
    },
  };
}
