// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { ArtefactFault } from "../errors.ts";

export interface Retry {
  /** Default 5. */
  readonly attempts?: number;
  readonly signal: AbortSignal;
  /** Default the system's timer. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1_000;
const realPause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal });
};

/** Registries do get well, and a proxy's damage may be gone; the rest stays as it is. */
const isPassing = (error: unknown): boolean =>
  error instanceof ArtefactFault && (error.kind === "REGISTRY" || error.kind === "DIGEST");

/** Runs an action again while its fault may pass: after 1, 2, 4, 8 s. @throws the last fault */
export async function retrying<T>(retry: Retry, action: () => Promise<T>): Promise<T> {
  const { attempts = ATTEMPTS, signal, pause = realPause } = retry;
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt >= attempts || !isPassing(error)) throw error;
    }
    if (signal.aborted) throw stopped();
    await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal).catch(() => {
      throw stopped();
    });
  }
}

const stopped = (): ArtefactFault => new ArtefactFault("REGISTRY", "the fetch was stopped, or took too long");
