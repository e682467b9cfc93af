// SPDX-License-Identifier: Apache-2.0
import { ANNOTATION, specHash } from "../identity/index.ts";
import {
  allContainers,
  DEFAULT_GRACE_SECONDS,
  isAlive,
  isTerminalPhase,
  type ObservedPod,
  type Pod,
  podNamespace,
  type PodStatus,
  podUid,
  rfc3339,
} from "../model/index.ts";
import type { PlanInput, PodEnd, Wait, Want } from "../plan/index.ts";
import { podStatus } from "../status/index.ts";
import type { PodContext } from "./context.ts";
import { freshRecord, Journal } from "./journal.ts";
import { Restarts } from "./restarts.ts";

/** What tells one pod from all others. */
export interface PodIdentity {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

/** Identity of a pod as the API holds it. */
export const identityOf = (pod: Pod): PodIdentity => ({
  uid: podUid(pod),
  name: pod.metadata.name,
  namespace: podNamespace(pod),
});

type Beside = Pick<PlanInput, "stopping" | "probes">;

/** What the agent knows about one pod beside what the runtime shows. */
export class PodState {
  readonly identity: PodIdentity;
  readonly journal: Journal;
  readonly restarts: Restarts;
  readonly #context: PodContext;
  readonly #acceptedMonoMs: number;
  #deletionMonoMs: number | undefined;
  #pod: Pod | undefined;
  #want: Want = "keep";
  #waits: Readonly<Record<string, Wait>> = {};
  volumesReady = false;
  volumesStale = false;
  #cleaned = false;
  #apiDeleted = false;

  /** Takes up what an earlier process of the agent left; only here ages come from the wall clock, never negative. */
  constructor(context: PodContext, identity: PodIdentity) {
    const { clock } = context;
    const [nowMs, monoMs] = [clock.nowMs(), clock.monotonicMs()];
    this.#context = context;
    this.identity = identity;
    this.journal = new Journal(context.records, context.log, freshRecord(identity, rfc3339(nowMs), nowMs));
    this.restarts = new Restarts(this.journal, clock);
    const { acceptedAtMs, deletion } = this.journal.value;
    this.#acceptedMonoMs = monoMs - Math.max(0, nowMs - acceptedAtMs);
    if (deletion) this.#deletionMonoMs = monoMs - Math.max(0, nowMs - deletion.startedAtMs);
  }

  get pod(): Pod | undefined {
    return this.#pod;
  }

  get want(): Want {
    return this.#want;
  }

  get apiDeleted(): boolean {
    return this.#apiDeleted;
  }

  /** Nothing of the pod is left on the node; void when it is wanted again by now. */
  noteCleaned(): void {
    this.#cleaned = this.#isEnding();
  }

  /** The API took the deletion; void when the pod is wanted again by now. */
  noteApiDeleted(): void {
    this.#apiDeleted = this.#isEnding();
  }

  /** @returns false when nothing changed */
  setDesired(pod: Pod): boolean {
    const isChanged = this.#pod !== pod;
    this.#pod = pod;
    this.#want = pod.metadata.deletionTimestamp ? "delete" : "run";
    if (this.#want === "run") this.#undelete();
    return isChanged;
  }

  /** @returns false when that was known */
  setGone(): boolean {
    const isChanged = this.#want !== "gone";
    this.#want = "gone";
    return isChanged;
  }

  setWait(name: string, wait: Wait | undefined): void {
    const others = Object.entries(this.#waits).filter(([other]) => other !== name);
    this.#waits = Object.fromEntries(wait ? [...others, [name, wait]] : others);
  }

  /** Drops the waits for which `isOver` holds. */
  dropWaits(isOver: (wait: Wait) => boolean): void {
    this.#waits = Object.fromEntries(Object.entries(this.#waits).filter(([, wait]) => !isOver(wait)));
  }

  /** The pod's first moment on this node, and the start of its deletion, are durable before anything is done. */
  async accept(): Promise<void> {
    const { clock } = this.#context;
    if (!this.#isEnding()) {
      await this.journal.write({});
      return;
    }
    this.#deletionMonoMs ??= clock.monotonicMs();
    await this.journal.write({ deletion: this.journal.value.deletion ?? { startedAtMs: clock.nowMs() } });
  }

  input(observed: ObservedPod | undefined, beside: Beside): PlanInput {
    const nowMs = this.#context.clock.monotonicMs();
    const { attempts, sandboxAttempt } = this.journal.value;
    return {
      ...beside,
      want: this.#want,
      pod: this.#pod,
      observed,
      nowMs,
      restartAtMs: this.restarts.atMs,
      waits: this.#waits,
      attempts,
      sandboxAttempt,
      terminal: this.#end() !== undefined,
      activeForMs: nowMs - this.#acceptedMonoMs,
      deadlineMs: (this.#deletionMonoMs ?? nowMs) + this.#graceMs(observed),
      volumesReady: this.volumesReady,
      cleaned: this.#cleaned,
      specHashes: this.#specHashes(),
    };
  }

  /** Undefined when nothing but the runtime knows the pod. */
  status(observed: ObservedPod | undefined, probes: PlanInput["probes"]): PodStatus | undefined {
    const pod = this.#pod;
    if (!pod) return undefined;
    const { clock, node } = this.#context;
    const { startTime, attempts, status } = this.journal.value;
    return podStatus({
      pod,
      observed,
      nodeIp: node.ip,
      startTime,
      now: rfc3339(clock.nowMs()),
      nowMs: clock.monotonicMs(),
      waits: this.#waits,
      restartAtMs: this.restarts.atMs,
      restartDelayMs: this.restarts.delayMs,
      probes,
      attempts,
      previous: status,
      terminal: this.#end(),
      ended: this.#isEnding() && !(observed?.containers ?? []).some(isAlive),
    });
  }

  #isEnding(): boolean {
    return this.#want === "delete" || this.#want === "gone";
  }

  /** Wanted again after the store had dropped it (an inventory that was corrected): the end begins anew. */
  #undelete(): void {
    this.#cleaned = false;
    this.#apiDeleted = false;
    this.#deletionMonoMs = undefined;
    this.journal.forgetDeletion();
  }

  #graceMs(observed: ObservedPod | undefined): number {
    const asked =
      this.#pod?.metadata.deletionGracePeriodSeconds ?? this.#pod?.spec.terminationGracePeriodSeconds;
    const noted = Number(observed?.containers[0]?.annotations[ANNOTATION.podGrace] ?? NaN);
    const fallback = Number.isFinite(noted) ? noted : DEFAULT_GRACE_SECONDS;
    return Math.max(0, asked ?? fallback) * 1000;
  }

  #specHashes(): Readonly<Record<string, string>> {
    const containers = this.#pod ? allContainers(this.#pod) : [];
    return Object.fromEntries(containers.map(({ container }) => [container.name, specHash(container)]));
  }

  /** Ended for good: by its own containers here, or by the API (an eviction). */
  #end(): PodEnd | undefined {
    const own = this.journal.value.terminal;
    const status = this.#pod?.status;
    if (own || !isTerminalPhase(status?.phase)) return own;
    return {
      phase: status.phase,
      ...(status.reason !== undefined && { reason: status.reason }),
      ...(status.message !== undefined && { message: status.message }),
    };
  }
}
