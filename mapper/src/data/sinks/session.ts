// SPDX-License-Identifier: Apache-2.0
import { SinkError } from "../port.ts";

/** How a library's connection is had. */
export interface SessionSteps<C> {
  /** Loads the library and reads the secrets; nothing is sent yet. */
  readonly make: () => Promise<C>;
  readonly connect: (connection: C) => Promise<void>;
  /** Ends it at once, whatever it does. */
  readonly cut: (connection: C) => void;
}

/** One connection of a library, made at its first use. */
export interface Session<C> {
  /**
   * Runs `work` on the connection; when `signal` aborts first, the connection is cut.
   *
   * @throws {SinkError} TIMEOUT after an abort, UNREACHABLE once closed; else what the steps and the work threw
   */
  use(signal: AbortSignal, work: (connection: C) => Promise<void>): Promise<void>;
  close(): void;
}

export function createSession<C>({ make, connect, cut }: SessionSteps<C>): Session<C> {
  let ready: Promise<C> | undefined;
  let made: C | undefined;
  let isClosed = false;

  async function open(): Promise<C> {
    const connection = await make();
    if (isClosed) throw discard(connection);
    made = connection;
    await connect(connection);
    return connection;
  }

  function discard(connection: C): SinkError {
    cut(connection);
    return new SinkError("UNREACHABLE", "the connection was closed");
  }

  function close(): void {
    isClosed = true;
    if (made !== undefined) cut(made);
    made = undefined;
  }

  return {
    use: async (signal, work) => {
      if (isClosed) throw new SinkError("UNREACHABLE", "the connection was closed");
      ready ??= open();
      await untilAborted(signal, ready.then(work), close);
    },
    close,
  };
}

function untilAborted(signal: AbortSignal, work: Promise<void>, onAbort: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      onAbort();
      reject(new SinkError("TIMEOUT", "no answer in time"));
    };
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const forget = (): void => signal.removeEventListener("abort", abort);
    work.then(resolve, reject).finally(forget);
  });
}
