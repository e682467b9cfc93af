// SPDX-License-Identifier: Apache-2.0
import { containerNamed, messageOf, type ObservedPod, type Pod } from "../model/index.ts";
import type { Action, PlanInput } from "../plan/index.ts";
import { deleteFromApi } from "./api-delete.ts";
import type { PodContext } from "./context.ts";
import type { Executor } from "./executor.ts";
import { Faults } from "./faults.ts";
import type { PodState } from "./state.ts";
import type { Stopper } from "./stopper.ts";

type ActionOf<K extends Action["kind"]> = Extract<Action, { kind: K }>;

/**
 * again: plan anew at once. relist: the same, after a fresh look at the runtime.
 * rest: nothing more until an event; later: what goes on beside the worker will wake it.
 */
export type After = "again" | "relist" | "rest" | "later" | "forgotten";

const POD_PAUSE = { baseMs: 500, capMs: 60_000 } as const;
/** A final status that the cloud keeps refusing does not hold the deletion up for ever. */
const MAX_STATUS_TRIES = 3;

/** Carries out one action and notes in the state what the plan has to know of it. */
export class Steps {
  readonly #context: PodContext;
  readonly #state: PodState;
  readonly #executor: Executor;
  readonly #stopper: Stopper;
  readonly #probes: () => PlanInput["probes"];
  readonly #faults: Faults;
  #statusTries = 0;

  constructor(
    context: PodContext,
    state: PodState,
    parts: { executor: Executor; stopper: Stopper; probes: () => PlanInput["probes"] },
  ) {
    this.#context = context;
    this.#state = state;
    this.#executor = parts.executor;
    this.#stopper = parts.stopper;
    this.#probes = parts.probes;
    this.#faults = new Faults(context.clock, POD_PAUSE);
  }

  /** @throws {CriError | PodError | StoreError | TunnelError} */
  async perform(action: Action, observed: ObservedPod | undefined): Promise<After> {
    try {
      const after = await this.#dispatch(action, observed);
      this.#context.countAction(action.kind, true);
      return after;
    } catch (error) {
      this.#context.countAction(action.kind, false);
      throw error;
    }
  }

  async #dispatch(action: Action, observed: ObservedPod | undefined): Promise<After> {
    const { cri } = this.#context;
    switch (action.kind) {
      case "killContainer":
        this.#stopper.begin(action, this.#state.pod, observed);
        return "later";
      case "stopSandbox":
        await cri.stopPodSandbox(action.id);
        return "relist";
      case "removeSandbox":
        await cri.removePodSandbox(action.id);
        return "relist";
      case "removeContainer":
        await this.#executor.removeContainer(this.#state.identity, action.id, observed);
        return "relist";
      case "mountVolumes":
      case "createSandbox":
      case "startContainer":
      case "startCreated":
        return this.#state.pod ? this.#bringUp(action, this.#state.pod, observed) : "again";
      default:
        return this.#wrapUp(action, observed);
    }
  }

  async #bringUp(
    action: ActionOf<"mountVolumes" | "createSandbox" | "startContainer" | "startCreated">,
    pod: Pod,
    observed: ObservedPod | undefined,
  ): Promise<After> {
    switch (action.kind) {
      case "mountVolumes":
        return this.#orHold("FailedMount", () => this.#mountVolumes(pod));
      case "createSandbox":
        return this.#orHold("FailedCreatePodSandBox", async () => {
          await this.#executor.createSandbox(pod, action);
          return "relist";
        });
      case "startCreated": {
        const made = containerNamed(pod, action.name);
        if (made) await this.#executor.start(pod, made, action.id, observed);
        return "relist";
      }
      case "startContainer": {
        const { wait } = await this.#executor.startContainer(pod, action, observed);
        this.#state.setWait(action.name, wait);
        return wait?.reason === "ContainerCreating" ? "again" : "relist";
      }
    }
  }

  async #mountVolumes(pod: Pod): Promise<After> {
    // Before the mount: what changes while it runs makes them stale again.
    this.#state.volumesStale = false;
    await this.#executor.mountVolumes(pod);
    this.#state.volumesReady = true;
    return "again";
  }

  /** What fails for the pod as a whole is tried again with a growing pause, and shown meanwhile. */
  async #orHold(reason: string, work: () => Promise<After>): Promise<After> {
    try {
      const after = await work();
      this.#faults.clear("");
      this.#state.setWait("", undefined);
      return after;
    } catch (error) {
      this.#hold(reason, error);
      return "relist";
    }
  }

  #hold(reason: string, error: unknown): void {
    const { clock, log, events } = this.#context;
    const { pod, identity } = this.#state;
    const message = messageOf(error);
    const { delayMs, isNews, isDue } = this.#faults.note("", `${reason}: ${message}`);
    this.#state.setWait("", { reason, message, untilMs: clock.monotonicMs() + delayMs });
    const line = { pod: identity.name, uid: identity.uid, reason, err: error, delayMs };
    if (isNews) log.warn(line, "pod held back");
    else log.debug(line, "pod held back");
    if (pod && isDue) events.emit(pod, { type: "Warning", reason, message });
  }

  async #wrapUp(action: Action, observed: ObservedPod | undefined): Promise<After> {
    const { identity, journal } = this.#state;
    switch (action.kind) {
      case "markTerminal":
        await journal.write({ terminal: action.end });
        this.#context.log.info(
          { pod: identity.name, uid: identity.uid, phase: action.end.phase },
          "pod ended",
        );
        return "again";
      case "recordFinal": {
        const status = this.#state.status(observed, this.#probes());
        if (status) await journal.write({ status });
        return "again";
      }
      case "unmountVolumes":
        await this.#executor.unmountVolumes(identity.uid);
        this.#state.volumesReady = false;
        return "again";
      case "cleanUp":
        await this.#executor.cleanUp(identity);
        this.#state.noteCleaned();
        return "relist";
      case "deleteFromApi":
        return this.#deleteFromApi();
      default:
        return this.#forget();
    }
  }

  async #deleteFromApi(): Promise<After> {
    if (this.#state.apiDeleted || !this.#context.uplink.isConnected()) return "rest";
    this.#statusTries += 1;
    await deleteFromApi(this.#context, this.#state.identity, this.#statusTries <= MAX_STATUS_TRIES);
    this.#state.noteApiDeleted();
    this.#context.log.info({ ...this.#state.identity }, "pod deleted");
    return "rest";
  }

  async #forget(): Promise<After> {
    this.#context.sender.forget(this.#state.identity.uid);
    await this.#state.journal.forget();
    return "forgotten";
  }
}
