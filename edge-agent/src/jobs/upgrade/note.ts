// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Order, StepContext } from "../port.ts";

/** What the steps of one upgrade tell each other. Only this agent writes it. */
export interface Note {
  /** What Check fetched. */
  readonly digest?: string;
  /** SHA-256 of the manifest of what Check fetched, which holds those of all files. */
  readonly seal?: string;
  readonly backup?: { readonly file: string; readonly sha256: string };
  /** Version that ran when the upgrade began. */
  readonly from?: string;
  readonly outcome?: Outcome;
  /** RollBack is done; with what is left of the change, for people. */
  readonly rolledBack?: { readonly left?: string };
}

/** How the trial ended. */
export interface Outcome {
  readonly ok: boolean;
  readonly from: string;
  readonly reason?: string;
  readonly log?: string;
}

export const noteOf = (context: StepContext): Note => context.note() ?? {};

export const keep = (context: StepContext, more: Note): Promise<void> =>
  context.keep({ ...noteOf(context), ...more });

/** Name of a trial. */
export const trialId = ({ uid, attempt }: Order): string => `${uid}/${attempt}`;

export const stagingFolder = (agentDir: string): string => join(agentDir, "staging");

/** Where Check puts the agent: the name says whose it is and is one of a folder whatever the uid says. */
export const stagedFolder = (agentDir: string, order: Order): string =>
  join(stagingFolder(agentDir), createHash("sha256").update(trialId(order)).digest("hex").slice(0, 24));
