// SPDX-License-Identifier: Apache-2.0
import type { Socket } from "node:net";
import { StreamError } from "@longshore/crds/stream";
import type { Clock } from "../../clock.ts";
import { RuntimeSocket } from "./runtime-socket.ts";

/** How a TCP connection is opened. */
export type Connect = (to: { readonly host: string; readonly port: number }) => Socket;

/** Each side may finish on its own, and keystrokes do not wait for company. */
export const connectTcp: Connect = ({ host, port }) =>
  new RuntimeSocket({ allowHalfOpen: true }).setNoDelay(true).connect({ host, port });

/** What waiting for a connection takes. */
export interface ConnectWait {
  readonly clock: Pick<Clock, "schedule">;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Resolves once connected. @throws {StreamError} INTERNAL, TIMEOUT, CANCELLED */
export function connected(socket: Socket, { clock, timeoutMs, signal }: ConnectWait): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: StreamError): void => {
      finish();
      socket.on("error", () => undefined); // what it says after this interests nobody
      socket.destroy();
      reject(error);
    };
    const failed = (cause: Error): void =>
      fail(new StreamError("INTERNAL", "the container runtime's streaming server is not reached", { cause }));
    const abort = (): void => fail(new StreamError("CANCELLED", "given up by the asker"));
    const cancel = clock.schedule(timeoutMs, () =>
      fail(new StreamError("TIMEOUT", "the container runtime's streaming server does not answer")),
    );
    const finish = (): void => {
      cancel();
      socket.off("error", failed);
      socket.off("connect", succeed);
      signal.removeEventListener("abort", abort);
    };
    const succeed = (): void => {
      finish();
      resolve(socket);
    };
    socket.once("error", failed);
    socket.once("connect", succeed);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}
