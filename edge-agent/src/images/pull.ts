// SPDX-License-Identifier: Apache-2.0
import type { Cri } from "../cri/index.ts";
import type { Login } from "./logins.ts";

/**
 * Pulls an image with each login in turn until one is taken, and without any where there is none.
 *
 * @throws {CriError} of the last login
 */
export async function pullImage(
  cri: Pick<Cri, "pullImage">,
  image: string,
  logins: readonly Login[],
  signal: AbortSignal,
): Promise<void> {
  let failure: unknown;
  for (const auth of logins.length > 0 ? logins : [undefined]) {
    try {
      await cri.pullImage(image, { signal, ...(auth && { auth }) });
      return;
    } catch (error) {
      failure = error;
      if (signal.aborted) break;
    }
  }
  throw failure;
}
