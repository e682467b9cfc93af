// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";

const MAX_TEXT_CHARS = 1_024;

/** What the person who ran the command is told. */
export function failureText(node: string, error: unknown): string {
  if (!(error instanceof StreamError) || error.code === "LOST")
    return `the connection to node "${node}" was lost`;
  return `the stream of node "${node}" failed: ${error.message}`;
}

/** The same of a command whose end came without a word of how it ended: its runtime is gone. */
export const unsaidText = (node: string): string =>
  `the container runtime of node "${node}" did not say how the command ended`;

/** The Status (meta/v1) of it, as a kubelet ends a command that it could not run to its end. */
export const failureStatus = (text: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: text.slice(0, MAX_TEXT_CHARS),
      reason: "InternalError",
      code: 500,
    }),
  );
