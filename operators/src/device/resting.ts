// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../delivery/errors.ts";
import type { Outbox } from "../delivery/outbox.ts";

/** How long Redis is not asked after it did not answer; then one asks. */
const REST_MS = 5_000;

/**
 * Asks Redis no more for a while once it did not answer: each call to one that hangs takes seconds, and all devices
 * would wait for that, also with what needs no Redis.
 */
export function restingOutbox(
  outbox: Pick<Outbox, "standing">,
  { nowMs, restMs = REST_MS }: { readonly nowMs: () => number; readonly restMs?: number },
): Pick<Outbox, "standing"> {
  /** undefined: it answers */
  let restsUntilMs: number | undefined;
  const rest = (): void => void (restsUntilMs = nowMs() + restMs);
  return {
    async standing(node, scope, objects) {
      if (restsUntilMs !== undefined) {
        if (nowMs() < restsUntilMs)
          throw new DeliveryError("UNAVAILABLE", "Redis did not answer a moment ago");
        rest(); // for the others, while this one asks
      }
      try {
        const standing = await outbox.standing(node, scope, objects);
        restsUntilMs = undefined;
        return standing;
      } catch (error) {
        if (error instanceof DeliveryError && error.retryable) rest();
        else restsUntilMs = undefined;
        throw error;
      }
    },
  };
}
