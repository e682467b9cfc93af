// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import type { ObservedPod } from "../model/index.ts";
import type { Observer } from "./observe.ts";

/** What looking at the runtime needs, and who is told. */
export interface RuntimeViewDeps {
  readonly observer: Observer;
  readonly clock: Clock;
  readonly log: AgentLog;
  /** pods whose sandbox or containers differ from the last look */
  readonly onChange: (uids: readonly string[]) => void;
  /** the runtime answers for the first time, or again: every pod is to be decided anew, also one that it does not know */
  readonly onSynced: () => void;
  readonly onRelist?: (ok: boolean, durationMs: number) => void;
}

function isSame(a: ObservedPod | undefined, b: ObservedPod | undefined): boolean {
  if (!a || !b) return a === b;
  const equal = <T>(x: readonly T[], y: readonly T[]): boolean =>
    x.length === y.length && x.every((v, i) => v === y[i]);
  return equal(a.sandboxes, b.sandboxes) && equal(a.containers, b.containers);
}

/** The latest look at the runtime. One look at a time; a look that is asked for begins after the asking. */
export class RuntimeView {
  readonly #deps: RuntimeViewDeps;
  #pods: ReadonlyMap<string, ObservedPod> = new Map();
  #synced = false;
  #lastOkMs = -Infinity;
  #current: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;

  constructor(deps: RuntimeViewDeps) {
    this.#deps = deps;
  }

  get synced(): boolean {
    return this.#synced;
  }

  get pods(): ReadonlyMap<string, ObservedPod> {
    return this.#pods;
  }

  /** How long ago the runtime last answered. Infinity: never. */
  ageMs(): number {
    return this.#deps.clock.monotonicMs() - this.#lastOkMs;
  }

  /** @throws {CriError} */
  relist(): Promise<void> {
    this.#queued ??= this.#current
      .catch(() => undefined)
      .then(() => {
        this.#queued = undefined;
        this.#current = this.#look();
        return this.#current;
      });
    return this.#queued;
  }

  async #look(): Promise<void> {
    const startMs = this.#deps.clock.monotonicMs();
    try {
      const pods = await this.#deps.observer.relist();
      this.#lastOkMs = this.#deps.clock.monotonicMs();
      this.#deps.onRelist?.(true, this.#lastOkMs - startMs);
      this.#take(pods);
    } catch (error) {
      if (this.#synced)
        this.#deps.log.warn({ err: error }, "container runtime does not answer, pods are left as they are");
      this.#synced = false;
      this.#deps.onRelist?.(false, this.#deps.clock.monotonicMs() - startMs);
      throw error;
    }
  }

  #take(pods: ReadonlyMap<string, ObservedPod>): void {
    const before = this.#pods;
    const wasSynced = this.#synced;
    this.#pods = pods;
    this.#synced = true;
    const all = [...new Set([...before.keys(), ...pods.keys()])];
    if (!wasSynced) this.#deps.onSynced();
    this.#deps.onChange(wasSynced ? all.filter((uid) => !isSame(before.get(uid), pods.get(uid))) : all);
  }
}
