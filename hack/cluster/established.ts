// SPDX-License-Identifier: Apache-2.0
import { waitFor } from "../wait.ts";

const TIMEOUT_MS = 90_000;
const WAIT = ["wait", "--for=condition=Established", "--timeout=5s", "crd", "--all"];

/**
 * Waits until the API server serves every kind that it was given. One `kubectl wait` (1.34) is not enough:
 * on a kind so new that its conditions are still null it ends with an error.
 *
 * @param run runs kubectl and rejects with what it said
 * @throws {Fault} WAIT_TIMEOUT after 90 s, with what kubectl said last
 */
export async function untilEstablished(run: (args: string[]) => Promise<unknown>): Promise<void> {
  const probe = (): Promise<true> => run(WAIT).then(() => true);
  await waitFor(probe, { what: "the API server to serve the new kinds", timeoutMs: TIMEOUT_MS });
}
