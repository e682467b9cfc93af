// SPDX-License-Identifier: Apache-2.0
import type { Kind } from "@longshore/crds/kinds";
import type { JobSpec } from "@longshore/crds/operations";
import type { JobKind } from "@longshore/crds/tasks";
import type { Job } from "../port.ts";

/** What the spec of one kind says, beside which nodes. */
export interface SpecView {
  readonly spec: JobSpec;
  /** Why it cannot be carried out; empty when it can. Admission refuses such jobs too, where it is asked. */
  readonly faults: readonly { readonly field: string; readonly message: string }[];
  readonly requireConfirmation?: boolean;
  /** A registry alone knows the digest that its package must have */
  readonly asksRegistry?: boolean;
  /** Keys that it sets in the agent's configuration */
  readonly fields?: readonly string[];
  /** Images that it pulls */
  readonly images?: number;
}

/** What makes the three kinds different to their controllers. */
export interface JobAdapter {
  readonly kind: JobKind;
  readonly resource: Kind;
  view(spec: object | undefined): SpecView;
  /**
   * Does a later job make an earlier one's work on a node needless? Where it does not, the earlier one goes first.
   * Absent: jobs of this kind do not change the agent, and mind no others.
   */
  readonly supersedes?: (later: Job, earlier: Job) => boolean;
}
