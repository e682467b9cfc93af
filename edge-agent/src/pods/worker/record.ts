// SPDX-License-Identifier: Apache-2.0
import type { PodStatus } from "../model/index.ts";
import type { PodEnd, RestartHistory } from "../plan/index.ts";

/** What must survive a restart of the agent and a power cut, one record a pod uid. */
export interface PodRecord {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** RFC 3339, set once when the node first accepted the pod */
  readonly startTime: string;
  /** wall clock; only used, clamped, after an agent restart */
  readonly acceptedAtMs: number;
  readonly deletion?: { readonly startedAtMs: number };
  /** What ended the pod. Once set, the phase never changes and nothing is started again. */
  readonly terminal?: PodEnd;
  readonly history: Readonly<Record<string, RestartHistory>>;
  /** newest attempt ever made of each container */
  readonly attempts: Readonly<Record<string, number>>;
  /** last status that was computed: keeps transition times, and the container states after the runtime forgot them */
  readonly status?: PodStatus;
  /** attempts of the newest sandbox; never goes down */
  readonly sandboxAttempt: number;
}
