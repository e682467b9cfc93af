// SPDX-License-Identifier: Apache-2.0
import type { ObservedPod, Pod } from "../model/index.ts";

/**
 * keep: not known to the store, and the cloud has not yet said that the store is complete; nothing is touched.
 * delete: the API object is marked for deletion, and goes when the node is done.
 * gone: the API object is no more; what is left here is cleaned up.
 */
export type Want = "keep" | "run" | "delete" | "gone";

/** Something that was tried and has to wait. */
export interface Wait {
  readonly reason: string;
  readonly message: string;
  /** monotonic ms; Infinity: until something wakes the worker */
  readonly untilMs: number;
}

/** Verdicts of one container's probes. */
export interface ProbeResults {
  /** undefined: no probe, or no answer yet */
  readonly ready?: boolean;
  readonly started?: boolean;
  readonly live?: boolean;
}

/** All that a decision is made of. Nothing else may influence it. */
export interface PlanInput {
  readonly want: Want;
  /** absent when nothing but the runtime knows the pod */
  readonly pod: Pod | undefined;
  readonly observed: ObservedPod | undefined;
  /** monotonic ms */
  readonly nowMs: number;
  /** monotonic ms until which a container's restart is held back */
  readonly restartAtMs: Readonly<Record<string, number>>;
  /** by container name; "" is the pod's own (volumes, sandbox) */
  readonly waits: Readonly<Record<string, Wait>>;
  /** container id → monotonic deadline of a stop under way */
  readonly stopping: Readonly<Record<string, number>>;
  readonly probes: Readonly<Record<string, ProbeResults>>;
  /** newest attempt ever made of each container, from the record; of an ephemeral one, that was ever started */
  readonly attempts: Readonly<Record<string, number>>;
  readonly sandboxAttempt: number;
  readonly terminal: boolean;
  /** since the node accepted the pod */
  readonly activeForMs: number;
  /** monotonic deadline of a deletion */
  readonly deadlineMs: number;
  readonly volumesReady: boolean;
  /** what a finished teardown left to do */
  readonly cleaned: boolean;
  /** container name → hash of its spec as wanted now */
  readonly specHashes: Readonly<Record<string, string>>;
}

/** What ended a pod for good. */
export interface PodEnd {
  readonly phase: "Succeeded" | "Failed";
  readonly reason?: string;
  readonly message?: string;
}

/** Why a container is stopped. */
export type KillReason =
  "Deleted" | "SpecChanged" | "Unhealthy" | "SandboxGone" | "DeadlineExceeded" | "Unknown";

/** One thing to do to one pod. */
export type Action =
  | { readonly kind: "mountVolumes" }
  | { readonly kind: "createSandbox"; readonly attempt: number }
  | { readonly kind: "stopSandbox"; readonly id: string }
  | { readonly kind: "removeSandbox"; readonly id: string }
  | {
      readonly kind: "startContainer";
      readonly name: string;
      readonly attempt: number;
      readonly sandboxId: string;
    }
  /** A container that was created and never started: the agent died in between. */
  | { readonly kind: "startCreated"; readonly id: string; readonly name: string }
  | {
      readonly kind: "killContainer";
      readonly id: string;
      readonly name: string;
      readonly deadlineMs: number;
      readonly reason: KillReason;
    }
  | { readonly kind: "removeContainer"; readonly id: string }
  | { readonly kind: "markTerminal"; readonly end: PodEnd }
  /** Everything stopped: keep the last status durably before the runtime forgets it. */
  | { readonly kind: "recordFinal" }
  | { readonly kind: "unmountVolumes" }
  | { readonly kind: "cleanUp" }
  | { readonly kind: "deleteFromApi" }
  | { readonly kind: "forget" };

/** What to do now, and when to look again. */
export interface Plan {
  readonly actions: readonly Action[];
  /** monotonic ms at which to plan again without an event */
  readonly againAtMs?: number;
}
