// SPDX-License-Identifier: Apache-2.0
import type { ContainerRole, ObservedPod, Pod, PodStatus } from "../model/index.ts";
import type { PodEnd, ProbeResults, Wait } from "../plan/index.ts";

/** All that a status is made of. */
export interface StatusContext {
  readonly pod: Pod;
  readonly observed: ObservedPod | undefined;
  readonly nodeIp: string;
  /** RFC 3339 */
  readonly startTime: string;
  /** RFC 3339 */
  readonly now: string;
  /** monotonic ms */
  readonly nowMs: number;
  readonly waits: Readonly<Record<string, Wait>>;
  readonly restartAtMs: Readonly<Record<string, number>>;
  /** the whole of the back-off that `restartAtMs` ends */
  readonly restartDelayMs: Readonly<Record<string, number>>;
  readonly probes: Readonly<Record<string, ProbeResults>>;
  readonly attempts: Readonly<Record<string, number>>;
  readonly previous: PodStatus | undefined;
  readonly terminal: PodEnd | undefined;
  /** being deleted, and nothing of it runs any more */
  readonly ended: boolean;
}

/** Where a container stands in the order of starts. */
export interface Role {
  readonly kind: ContainerRole;
  readonly initialized: boolean;
}
