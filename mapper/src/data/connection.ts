// SPDX-License-Identifier: Apache-2.0
import { createBackoff, type Pauses } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import { withDeadline } from "../device/deadline.ts";
import { MapperError } from "../errors.ts";
import type { MapperLog } from "../log.ts";
import { createBuffer, type BufferLimits } from "./buffer.ts";
import { SinkError, type Delivery, type PushCounterName, type Sink } from "./port.ts";

export interface ConnectionDeps {
  /** The sink of the first attempt, and what opens those after it. */
  readonly firstSink: Sink;
  readonly openSink: () => Sink;
  readonly clock: Clock;
  readonly log: MapperLog;
  readonly count: (name: PushCounterName, by: number) => void;
  readonly limits: BufferLimits & { readonly maxBatch: number; readonly sendTimeoutMs: number };
  readonly pauses: Pauses;
  /** Something was sent or given up. */
  readonly onProgress: () => void;
}

/** What waits for one server, and the one attempt to send it. */
export interface Connection {
  offer(delivery: Delivery): void;
  /** Sends now what waits for the end of a pause. */
  hurry(): void;
  forget(matches: (delivery: Delivery) => boolean): void;
  dropOldest(): boolean;
  /** Bytes that wait or are being sent. */
  bytes(): number;
  isIdle(): boolean;
  close(): void;
}

/** How long a sink may take to end after its abort before it is left alone. */
const ABORT_GRACE_MS = 500;
/** What a sample costs beside its text. */
const SAMPLE_OVERHEAD_BYTES = 256;

export const sizeOf = ({ sample: { text, value, property } }: Delivery): number =>
  Buffer.byteLength(text) +
  property.length +
  (value instanceof Uint8Array ? value.byteLength : 0) +
  SAMPLE_OVERHEAD_BYTES;

const sizeOfAll = (batch: readonly Delivery[]): number =>
  batch.reduce((sum, delivery) => sum + sizeOf(delivery), 0);

export function createConnection(deps: ConnectionDeps): Connection {
  const { clock, count, limits, log } = deps;
  const waiting = createBuffer(limits, sizeOf);
  const backoff = createBackoff(deps.pauses);
  const closing = new AbortController();
  const told = { outage: false, drop: false, refusal: false };
  let sink: Sink | undefined = deps.firstSink;
  let inFlight: readonly Delivery[] = [];
  let inFlightBytes = 0;
  let isScheduled = false;
  let cancelPause: (() => void) | undefined;
  /** Halved when a batch is refused, so that one bad sample does not cost the others. */
  let batchLimit = limits.maxBatch;
  let forgotten: ((delivery: Delivery) => boolean)[] = [];

  const isBusy = (): boolean => isScheduled || inFlight.length > 0;

  /** In a microtask, so that what is offered at the same time goes in one batch. */
  function wake(): void {
    if (isBusy() || cancelPause || closing.signal.aborted || waiting.length === 0) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      if (!closing.signal.aborted) void sendNext();
    });
  }

  async function sendNext(): Promise<void> {
    let error: SinkError | undefined;
    try {
      sink ??= deps.openSink();
      inFlight = waiting.take(Math.min(batchLimit, sink.maxBatch ?? limits.maxBatch));
      inFlightBytes = sizeOfAll(inFlight);
      if (inFlight.length > 0) error = await sendBatch(sink, inFlight);
    } catch (thrown) {
      error = asSinkError(thrown);
    }
    settle(error);
    wake();
    deps.onProgress();
  }

  async function sendBatch(to: Sink, batch: readonly Delivery[]): Promise<SinkError | undefined> {
    const { signal } = closing;
    const deadline = { timeoutMs: limits.sendTimeoutMs, graceMs: ABORT_GRACE_MS, signal };
    const outcome = await withDeadline(clock, deadline, (abort) => to.send(batch, abort));
    return outcome.kind === "done" ? undefined : asSinkError(outcome.error);
  }

  function settle(error: SinkError | undefined): void {
    const batch = inFlight;
    inFlight = [];
    inFlightBytes = 0;
    if (batch.length === 0 && !error) return; // what waited was forgotten meanwhile
    if (!error) sent(batch.length);
    else if (closing.signal.aborted) count("dropped", withoutForgotten(batch).length);
    else if (error.retryable) failed(batch, error);
    else refused(batch, error);
    forgotten = [];
  }

  function sent(samples: number): void {
    count("sent", samples);
    backoff.reset();
    batchLimit = Math.min(limits.maxBatch, batchLimit * 2);
    if (told.outage) log.info({}, "pushing again");
    told.outage = false;
    if (waiting.length === 0) told.drop = false;
  }

  function failed(batch: readonly Delivery[], error: SinkError): void {
    count("failedSends", 1);
    sink?.close(); // the next attempt connects anew, with the secrets of then
    sink = undefined;
    if (!told.outage) log.warn({ code: error.code, reason: error.message }, "cannot push; trying again");
    told.outage = true;
    putBack(batch);
    const delayMs = backoff.nextDelayMs();
    cancelPause = clock.schedule(delayMs, () => {
      cancelPause = undefined;
      wake();
    });
  }

  function refused(batch: readonly Delivery[], error: SinkError): void {
    backoff.reset();
    if (batch.length > 1) {
      batchLimit = Math.max(1, Math.floor(batch.length / 2));
      putBack(batch);
      return;
    }
    count("refused", batch.length);
    if (!told.refusal)
      log.warn({ code: error.code, reason: error.message }, "a sample was refused; counting");
    told.refusal = true;
  }

  function putBack(batch: readonly Delivery[]): void {
    dropped(waiting.putBack(withoutForgotten(batch)));
  }

  function withoutForgotten(batch: readonly Delivery[]): readonly Delivery[] {
    const kept = batch.filter((delivery) => !forgotten.some((matches) => matches(delivery)));
    count("forgotten", batch.length - kept.length);
    return kept;
  }

  function dropped(samples: number): void {
    if (samples === 0) return;
    count("dropped", samples);
    if (!told.drop) log.warn({}, "more samples wait than may; dropping the oldest and counting");
    told.drop = true;
  }

  return {
    offer: (delivery) => {
      dropped(waiting.push(delivery));
      wake();
    },
    hurry: () => {
      cancelPause?.();
      cancelPause = undefined;
      wake();
    },
    forget: (matches) => {
      if (inFlight.length > 0) forgotten.push(matches);
      count("forgotten", waiting.remove(matches));
    },
    dropOldest: () => {
      const isDropped = waiting.dropOldest();
      dropped(isDropped ? 1 : 0);
      return isDropped;
    },
    bytes: () => waiting.bytes + inFlightBytes,
    isIdle: () => waiting.length === 0 && !isBusy(),
    close: () => {
      closing.abort();
      cancelPause?.();
      cancelPause = undefined;
      sink?.close();
      sink = undefined;
      count("dropped", waiting.take(waiting.length).length);
    },
  };
}

const asSinkError = (error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  return error instanceof MapperError && error.code === "DRIVER_TIMEOUT"
    ? new SinkError("TIMEOUT", "no answer in time", { cause: error })
    : new SinkError("UNREACHABLE", "the sink failed", { cause: error });
};
