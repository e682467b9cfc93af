// SPDX-License-Identifier: Apache-2.0
import type { StepContext } from "../port.ts";
import type { Backup } from "./backup.ts";

/** What the steps of one task keep for each other, and for their next run. */
export interface Note {
  readonly backup?: Backup;
  /** SHA-256 of the file as the job makes it: kept before it is written. */
  readonly written?: string;
  /** How often the change was put on trial. */
  readonly makes?: number;
  /** What became of the trial; its file may be gone. */
  readonly end?:
    { readonly ok: true } | { readonly ok: false; readonly reason: string; readonly log?: string };
}

export const noteOf = (context: StepContext): Note => (context.note() as Note | undefined) ?? {};
