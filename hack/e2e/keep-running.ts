// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Part } from "../cluster/parts.ts";

const LOOK_MS = 200;

/** Does what systemd does with `Restart=always`. @returns ends that */
export function keepRunning(part: Part): () => Promise<void> {
  const over = new AbortController();
  const loop = (async () => {
    while (!over.signal.aborted) {
      if (!part.isRunning()) await part.start();
      await sleep(LOOK_MS);
    }
  })();
  return async () => {
    over.abort();
    await loop;
  };
}
