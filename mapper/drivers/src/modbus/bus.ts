// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "@longshore/mapper";
import { ModbusError } from "./errors.ts";
import { createJob, type Job } from "./job.ts";
import type { Connect, Link } from "./link.ts";
import { nextTurn } from "./turn.ts";

export interface BusOptions {
  /** Silence between two requests. */
  readonly gapMs: number;
  /** How long a slave that did not answer is left alone. */
  readonly settleMs: number;
  /** After a failed connect, further requests fail at once for so long. */
  readonly reconnectPauseMs: number;
  /** Timeouts in a row, of any slaves, after which the line is opened anew. */
  readonly reopenAfterTimeouts: number;
  readonly maxWaiting: number;
}

/** One line, shared by the slaves on it: opened at the first request, and again after it was lost. */
export interface Bus {
  /**
   * Runs a job alone on the line.
   *
   * @param unit the slave that it is about
   * @throws {ModbusError} whatever the job or the connect throws; ABORTED, CLOSED, TOO_MANY_WAITING
   */
  run<T>(unit: number, signal: AbortSignal, carryOut: (link: Link) => Promise<T>): Promise<T>;
  close(): void;
}

export function createBus(connect: Connect, options: BusOptions, clock: Clock): Bus {
  const keeper = createLinkKeeper(connect, options, clock);
  const waiting: Job[] = [];
  const silent = new Map<number, { untilMs: number }>();
  const state = { isBusy: false, isClosed: false, lastSilentMs: -Infinity };
  const isClosed = (): boolean => state.isClosed;
  let cancelTimer = (): void => undefined;

  function pump(): void {
    if (state.isBusy || state.isClosed) return;
    cancelTimer();
    const turn = nextTurn(waiting, { silent, lastSilentMs: state.lastSilentMs }, clock.monotonicMs());
    if (turn.kind === "later") cancelTimer = clock.schedule(turn.atMs - clock.monotonicMs(), pump);
    if (turn.kind !== "go") return;
    remove(turn.next);
    state.isBusy = true;
    void serve(turn.next);
  }

  async function serve(job: Job): Promise<void> {
    const pauseMs = await carryOut(job);
    if (isClosed()) {
      keeper.drop();
      return;
    }
    cancelTimer = clock.schedule(pauseMs, () => {
      state.isBusy = false;
      pump();
    });
  }

  /** Returns how long the line must rest. */
  async function carryOut(job: Job): Promise<number> {
    try {
      const link = await keeper.ensure();
      if (isClosed()) throw new ModbusError("CLOSED", "the line was closed");
      if (job.isOver()) return 0; // given up while the line was opened
      judge(job.unit, await job.run(link));
      return options.gapMs;
    } catch (error) {
      job.fail(error);
      return 0;
    }
  }

  /** What the end of a request tells about the slave and the line. */
  function judge(unit: number, error: unknown): void {
    const code = error instanceof ModbusError ? error.code : undefined;
    if (code === "NO_ANSWER") {
      state.lastSilentMs = clock.monotonicMs();
      silent.set(unit, { untilMs: state.lastSilentMs + options.settleMs });
      keeper.timedOut();
    } else if (code === "LINK_LOST") keeper.drop();
    else {
      silent.delete(unit);
      keeper.answered();
    }
  }

  function remove(job: Job): void {
    const index = waiting.indexOf(job);
    if (index >= 0) waiting.splice(index, 1);
  }

  function refusal(signal: AbortSignal): ModbusError | undefined {
    if (state.isClosed) return new ModbusError("CLOSED", "the line was closed");
    if (signal.aborted) return new ModbusError("ABORTED", "given up before it began");
    if (waiting.length < options.maxWaiting) return undefined;
    return new ModbusError("TOO_MANY_WAITING", `${waiting.length} requests wait for this line already`);
  }

  return {
    run: async (unit, signal, carry) => {
      const refused = refusal(signal);
      if (refused) throw refused;
      const sinceMs = clock.monotonicMs();
      const { job, result } = createJob({ unit, sinceMs, signal, carryOut: carry, onAbort: remove });
      waiting.push(job);
      pump();
      return result;
    },
    close: () => {
      state.isClosed = true;
      cancelTimer();
      keeper.drop();
      for (const job of waiting.splice(0)) job.fail(new ModbusError("CLOSED", "the line was closed"));
    },
  };
}

/** Keeps the link of a bus: one at most, opened when it is needed. */
function createLinkKeeper(connect: Connect, options: BusOptions, clock: Clock) {
  let link: Link | undefined;
  let failed: { readonly error: unknown; readonly untilMs: number } | undefined;
  let timeouts = 0;

  let closing: Promise<void> | undefined;

  function drop(): void {
    if (link) closing = link.close();
    link = undefined;
    timeouts = 0;
  }
  return {
    drop,
    ensure: async (): Promise<Link> => {
      if (link?.isOpen() === true) return link;
      drop();
      if (failed && clock.monotonicMs() < failed.untilMs) throw failed.error;
      try {
        await closing;
        link = await connect();
        return link;
      } catch (error) {
        failed = { error, untilMs: clock.monotonicMs() + options.reconnectPauseMs };
        throw error;
      }
    },
    answered: (): void => {
      timeouts = 0;
    },
    timedOut: (): void => {
      if (++timeouts >= options.reopenAfterTimeouts) drop();
    },
  };
}
