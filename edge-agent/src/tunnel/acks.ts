// SPDX-License-Identifier: Apache-2.0
import type { AckBatch } from "@longshore/crds/wire";

/** Ids a frame; the hub's window is far smaller. */
const MAX_IDS = 1000;

/**
 * Collects the ids of what one commit made durable and sends them in one frame: the commit resolves all its promises
 * in one turn of the event loop, the frame goes out at the end of it.
 */
export function createAckBatcher(send: (batch: AckBatch) => void): { add(id: string): void } {
  let ids: string[] = [];
  const flush = (): void => {
    const batch = ids;
    ids = [];
    for (let i = 0; i < batch.length; i += MAX_IDS) send({ ids: batch.slice(i, i + MAX_IDS) });
  };
  return {
    add: (id) => {
      if (ids.push(id) === 1) setImmediate(flush);
    },
  };
}
