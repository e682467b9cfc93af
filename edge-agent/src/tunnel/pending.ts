// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import type { Clock } from "../clock.ts";
import { TunnelError } from "./port.ts";

/** Who waits for which reply. */
export interface Pending {
  /**
   * Waits for the reply to message `id`.
   *
   * @throws {TunnelError} TIMEOUT, REFUSED (too many wait), and whatever `failAll` is given
   */
  wait(id: string, options: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<Frame>;
  /** True when somebody waited for it. */
  settle(parentId: string, reply: Frame): boolean;
  failAll(error: TunnelError): void;
  has(parentId: string): boolean;
  readonly size: number;
}

interface Waiter {
  resolve(frame: Frame): void;
  reject(error: TunnelError): void;
}

/** Requests without a reply yet, by message id. */
export function createPending(clock: Clock, maxWaiting: number): Pending {
  const waiters = new Map<string, Waiter>();
  const wait: Pending["wait"] = (id, { timeoutMs, signal }) => {
    if (waiters.size >= maxWaiting)
      return Promise.reject(new TunnelError("REFUSED", "too many requests wait for a reply"));
    return new Promise<Frame>((resolve, reject) => {
      const finish = (): void => {
        waiters.delete(id);
        cancel();
        signal?.removeEventListener("abort", abort);
      };
      const fail = (error: TunnelError): void => {
        finish();
        reject(error);
      };
      const abort = (): void => fail(new TunnelError("CLOSED", "the request was abandoned"));
      const cancel = clock.schedule(timeoutMs, () => fail(new TunnelError("TIMEOUT", "no reply in time")));
      signal?.addEventListener("abort", abort, { once: true });
      const succeed = (frame: Frame): void => {
        finish();
        resolve(frame);
      };
      waiters.set(id, { resolve: succeed, reject: fail });
      if (signal?.aborted) abort();
    });
  };
  return {
    wait,
    settle: (parentId, reply) => {
      const waiter = waiters.get(parentId);
      waiter?.resolve(reply);
      return waiter !== undefined;
    },
    failAll: (error) => {
      for (const waiter of [...waiters.values()]) waiter.reject(error);
    },
    has: (parentId) => waiters.has(parentId),
    get size() {
      return waiters.size;
    },
  };
}
