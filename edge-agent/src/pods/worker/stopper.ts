// SPDX-License-Identifier: Apache-2.0
import type { ObservedPod, Pod } from "../model/index.ts";
import type { Action } from "../plan/index.ts";
import type { PodContext } from "./context.ts";
import type { Executor } from "./executor.ts";

type Kill = Extract<Action, { kind: "killContainer" }>;

/** Who is told how a stop ended. */
export interface StopperHooks {
  /** the container is dead, and the runtime was looked at again */
  readonly onStopped: () => void;
  readonly onFailed: () => void;
}

/** Stops of containers that are under way. They run beside the worker, so that a shortened grace is seen. */
export class Stopper {
  readonly #context: PodContext;
  readonly #executor: Executor;
  readonly #hooks: StopperHooks;
  readonly #hooked = new Set<string>();
  readonly #deadlines = new Map<string, number>();

  constructor(context: PodContext, executor: Executor, hooks: StopperHooks) {
    this.#context = context;
    this.#executor = executor;
    this.#hooks = hooks;
  }

  /** container id → monotonic deadline */
  get deadlines(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#deadlines);
  }

  begin(kill: Kill, pod: Pod | undefined, observed: ObservedPod | undefined): void {
    const victim = observed?.containers.find((c) => c.id === kill.id);
    if (!victim) return;
    for (const id of this.#hooked)
      if (!observed?.containers.some((c) => c.id === id)) this.#hooked.delete(id);
    const withHook = !this.#hooked.has(kill.id) && kill.reason !== "SandboxGone";
    this.#hooked.add(kill.id);
    this.#deadlines.set(kill.id, kill.deadlineMs);
    this.#tell(kill, pod);
    void this.#executor
      .kill(pod, victim, { deadlineMs: kill.deadlineMs, withHook })
      .then(() => this.#context.relist())
      .catch((error: unknown) => {
        this.#context.log.warn(
          { id: kill.id, container: kill.name, err: error },
          "container not stopped, trying again",
        );
        this.#hooks.onFailed();
      })
      .finally(() => {
        if (this.#deadlines.get(kill.id) === kill.deadlineMs) this.#deadlines.delete(kill.id);
        this.#hooks.onStopped();
      });
  }

  #tell(kill: Kill, pod: Pod | undefined): void {
    const name = pod?.metadata.name;
    this.#context.log.info({ pod: name, container: kill.name, reason: kill.reason }, "stopping container");
    if (!pod) return;
    const message = `Stopping container ${kill.name}`;
    this.#context.events.emit(pod, { type: "Normal", reason: "Killing", message, container: kill.name });
  }
}
