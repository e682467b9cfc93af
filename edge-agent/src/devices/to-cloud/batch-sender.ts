// SPDX-License-Identifier: Apache-2.0
import {
  DEVICE_BATCH_LIMITS,
  DEVICE_BATCH_RESOURCE,
  readDeviceBatchReply,
  type BatchResult,
  type DeviceBatch,
  type DeviceEntry,
  type Frame,
} from "@longshore/crds/wire";
import type { AgentLog } from "../../log.ts";
import type { Uplink } from "../../tunnel/port.ts";
import { messageOf } from "../model.ts";
import { refusalOf } from "./latest-sender.ts";
import { Turns, type Turn, type TurnDeps, type TurnOptions } from "./turns.ts";

/** What waits to be sent about one device. */
export interface OutgoingEntry {
  readonly entry: DeviceEntry;
  readonly kinds: readonly ReportKind[];
  /** The cloud has it. */
  readonly confirm: () => void;
}

export type ReportKind = "state" | "twin";
export type BatchOutcome = "ok" | "waiting" | "refused" | "failed";

/** How much goes at once. */
export interface BatchOptions {
  /**
   * Devices in one batch, and batches without an answer. Both are small on purpose: what is on its way is as old as it
   * was when it left, and a hub that has more to write than it may leaves the rest here, where newer replaces older.
   */
  readonly maxDevices: number;
  readonly maxInFlight: number;
  readonly maxBytes: number;
  /** least time between two batches; the first after a rest goes at once */
  readonly gapMs: number;
}

export const DEFAULT_BATCH_OPTIONS: BatchOptions = {
  maxDevices: 24,
  maxInFlight: 4,
  maxBytes: DEVICE_BATCH_LIMITS.bytes,
  gapMs: 100,
};

/** What sending needs of the agent. */
export interface BatchSenderDeps extends Omit<TurnDeps, "onReady"> {
  readonly uplink: Uplink;
  readonly log: AgentLog;
  readonly options: TurnOptions & { readonly timeoutMs: number; readonly batch: BatchOptions };
  /** What is unconfirmed of this device, as it is now. */
  readonly outgoing: (key: string) => OutgoingEntry | undefined;
  readonly onSent: (kinds: readonly ReportKind[], result: BatchOutcome) => void;
}

interface Sent extends OutgoingEntry {
  readonly turn: Turn;
}

/** Carries the latest of each device to a hub of ours, many devices in one frame, each confirmed by itself. */
export class BatchSender {
  readonly #deps: BatchSenderDeps;
  readonly #turns: Turns;
  #inFlight = 0;
  /** Results of one batch are being looked at: what they set free goes together. */
  #isSettling = false;
  #sentAtMs = -Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(deps: BatchSenderDeps) {
    this.#deps = deps;
    this.#turns = new Turns({ ...deps, onReady: () => this.#drain() });
    this.#turns.start();
  }

  /** Something new is known of this device. */
  mark(key: string): void {
    this.#turns.mark(key);
  }

  forget(key: string): void {
    this.#turns.forget(key);
  }

  stop(): void {
    this.#turns.stop();
    this.#cancelTimer?.();
  }

  #drain(): void {
    const { clock, options } = this.#deps;
    const canSend = (): boolean =>
      this.#inFlight < options.batch.maxInFlight && this.#cancelTimer === undefined;
    while (!this.#isSettling && canSend()) {
      if (this.#turns.next() === undefined) return;
      const restMs = this.#sentAtMs + options.batch.gapMs - clock.monotonicMs();
      if (restMs > 0) {
        this.#cancelTimer = clock.schedule(restMs, () => {
          this.#cancelTimer = undefined;
          this.#drain();
        });
        return;
      }
      const batch = this.#build();
      if (batch.length > 0) this.#begin(batch);
    }
  }

  /** The devices that wait longest; one alone may be bigger than a batch. */
  #build(): Sent[] {
    const { maxDevices, maxBytes } = this.#deps.options.batch;
    const batch: Sent[] = [];
    let bytes = 0;
    for (let turn = this.#turns.next(); turn !== undefined; turn = this.#turns.next()) {
      const outgoing = this.#deps.outgoing(turn.key);
      bytes += outgoing === undefined ? 0 : Buffer.byteLength(JSON.stringify(outgoing.entry));
      if (batch.length > 0 && bytes > maxBytes) break;
      this.#turns.take(turn, outgoing !== undefined);
      if (outgoing !== undefined) batch.push({ ...outgoing, turn });
      if (batch.length >= maxDevices) break;
    }
    return batch;
  }

  #begin(batch: readonly Sent[]): void {
    this.#inFlight++;
    this.#sentAtMs = this.#deps.clock.monotonicMs();
    this.#send(batch)
      .catch((err: unknown) => this.#deps.log.error({ err }, "a sender of batches failed"))
      .finally(() => {
        this.#inFlight--;
        this.#drain();
      });
  }

  async #send(batch: readonly Sent[]): Promise<void> {
    const { uplink, clock, options } = this.#deps;
    const content: DeviceBatch = { sentMs: clock.nowMs(), devices: batch.map(({ entry }) => entry) };
    const request = {
      ...{ source: "twin", group: "resource", operation: "update", resource: DEVICE_BATCH_RESOURCE },
      content,
    };
    try {
      this.#answered(batch, await uplink.request(request, { timeoutMs: options.timeoutMs }));
    } catch (error) {
      this.#failed(batch, { result: "failed", reason: messageOf(error) });
    }
  }

  #answered(batch: readonly Sent[], frame: Frame): void {
    const refusal = refusalOf(frame);
    const results = readDeviceBatchReply(frame.content, batch.length)?.results;
    if (refusal !== undefined) this.#failed(batch, { result: "refused", reason: refusal });
    else if (results === undefined) this.#failed(batch, { result: "failed", reason: "no results" });
    else this.#together(() => batch.forEach((sent, i) => this.#settle(sent, results[i] ?? ["LATER"])));
  }

  #together(settle: () => void): void {
    this.#isSettling = true;
    try {
      settle();
    } finally {
      this.#isSettling = false;
    }
  }

  /** What still waits in the hub may be lost with it, and is older by now than what is known here: it goes again. */
  #settle({ turn, kinds, confirm }: Sent, [code, message]: BatchResult): void {
    const isTaken = code === "OK" || code === "WAITING";
    if (code === "OK") confirm();
    this.#deps.onSent(kinds, code === "OK" ? "ok" : code === "WAITING" ? "waiting" : "refused");
    const failures = this.#turns.settle(turn, isTaken);
    if (!isTaken && failures === 1)
      this.#deps.log.warn({ device: turn.key, code, reason: message }, "a device's report is not confirmed");
  }

  #failed(
    batch: readonly Sent[],
    { result, reason }: { readonly result: "refused" | "failed"; readonly reason: string },
  ): void {
    this.#together(() => {
      for (const { turn, kinds } of batch) {
        this.#deps.onSent(kinds, result);
        this.#turns.settle(turn, false);
      }
    });
    if (this.#deps.uplink.isConnected())
      this.#deps.log.warn({ devices: batch.length, reason }, "reports of devices are not confirmed");
  }
}
