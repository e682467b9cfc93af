// SPDX-License-Identifier: Apache-2.0
import type { JobKind, NodeTaskReportImage } from "@longshore/crds/tasks";

/** What the cloud ordered of this node: one job, one attempt. */
export interface Order {
  readonly kind: JobKind;
  readonly name: string;
  readonly uid: string;
  readonly attempt: number;
  /** The job's `spec`, not checked yet: whoever runs it checks it as if no webhook had. */
  readonly spec: unknown;
}

/** What a step has to work with. */
export interface StepContext {
  readonly order: Order;
  /** Ends when the agent stops; not when the order is withdrawn, for a step that runs is finished. */
  readonly signal: AbortSignal;
  /** What earlier steps, or an earlier run of this one, left. */
  note(): unknown;
  /** Resolves when it is durable. @throws {StoreError} */
  keep(note: unknown): Promise<void>;
  /** Tells people what it is doing; coalesced, at most one report in some seconds. */
  progress(text: string): void;
}

/** What became of a step. */
export type StepOutcome =
  | {
      readonly ok: true;
      readonly images?: readonly NodeTaskReportImage[];
      readonly fromVersion?: string;
      readonly toVersion?: string;
    }
  | {
      readonly ok: false;
      /** For people; no secret in it. */
      readonly reason: string;
      /** End of its log. */
      readonly log?: string;
      readonly images?: readonly NodeTaskReportImage[];
      readonly fromVersion?: string;
      readonly toVersion?: string;
      /** Nothing was changed: there is nothing to roll back, and the task ends here. */
      readonly unchanged?: boolean;
    }
  /** Done, and the next step waits for somebody to confirm. */
  | { readonly ok: true; readonly wait: "confirmation" }
  /** The agent is to end now; the step is run again after it has started anew, with the same note. */
  | { readonly wait: "restart" };

/**
 * Runs the steps of one kind of job. A step may be cut anywhere and is then run again with what it kept: it has one
 * effect all the same.
 */
export interface StepRunner {
  readonly kind: JobKind;
  /** It changes the agent itself: never beside another such task. */
  readonly changesAgent: boolean;
  /** Checks the spec as if nobody had. @returns what is wrong with it, for people */
  faults(spec: unknown): readonly string[];
  run(step: string, context: StepContext): Promise<StepOutcome>;
}

/** Who confirms an upgrade that waits. */
export interface Confirmations {
  /** @returns name of the job that goes on; undefined when none waits */
  confirm(): Promise<string | undefined>;
}
