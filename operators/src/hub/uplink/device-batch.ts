// SPDX-License-Identifier: Apache-2.0
import { readDeviceBatch, type BatchResult, type DeviceEntry, type ReadBatch } from "@longshore/crds/wire";
import type { Clock } from "../../runtime/clock.ts";
import { ApiError } from "../../runtime/errors.ts";
import { reportOfEntry } from "./device-report.ts";
import type { DeviceTarget, DeviceWriter, Waiter } from "./device-writer.ts";
import { type Answers, bad, UplinkRefusal, type UplinkRequest } from "./handler/index.ts";

export interface BatchRun {
  readonly request: UplinkRequest;
  readonly writer: Pick<DeviceWriter, "add">;
  readonly answers: Pick<Answers, "done" | "report">;
  readonly clock: Pick<Clock, "schedule">;
  /** The batch is answered after so long, whatever still waits. */
  readonly answerMs: number;
}

/** @throws {UplinkRefusal} UNSUPPORTED when it was not agreed on, BAD */
export function readBatch({ frame, session }: UplinkRequest): ReadBatch {
  if (!session.negotiated) throw new UplinkRefusal("UNSUPPORTED", "batches were not agreed on");
  const batch = readDeviceBatch(frame.content);
  if (batch === undefined) throw bad("not a batch of device reports");
  return batch;
}

/** Gives each device to the writer, and answers once all are settled, or some wait for too long. */
export function runBatch({ sentMs, devices }: ReadBatch, run: BatchRun): void {
  const batch = new Batch(devices, run);
  devices.forEach((entry, i) => {
    if ("bad" in entry) batch.refuse(i, bad(entry.bad));
    else if (!run.writer.add(targetOf(entry, run), reportOfEntry(entry, sentMs), batch.waiterOf(i)))
      batch.refuse(i, new UplinkRefusal("RATE", "too many reports wait"));
  });
  batch.arm();
}

function targetOf({ device, uid }: DeviceEntry, { request: { session } }: BatchRun): DeviceTarget {
  const cut = device.indexOf("/");
  return { session, namespace: device.slice(0, cut), name: device.slice(cut + 1), uid };
}

/** The results of one batch, until it is answered. */
class Batch {
  readonly #run: BatchRun;
  readonly #request: UplinkRequest;
  readonly #names: readonly string[];
  readonly #results: (BatchResult | undefined)[];
  #open: number;
  #isAnswered = false;
  #cancel: (() => void) | undefined;

  constructor(devices: ReadBatch["devices"], run: BatchRun) {
    this.#run = run;
    this.#names = devices.map((entry) => ("bad" in entry ? "" : entry.device));
    // What the devices told is with the writer.
    this.#request = { ...run.request, frame: { ...run.request.frame, content: null } };
    this.#results = new Array<undefined>(devices.length).fill(undefined);
    this.#open = devices.length;
  }

  waiterOf(i: number): Waiter {
    const isGone = (): boolean => this.#isAnswered;
    return {
      get isGone() {
        return isGone();
      },
      settle: (error) => {
        if (error === undefined) this.#settle(i, ["OK"]);
        else this.refuse(i, error);
      },
    };
  }

  refuse(i: number, error: unknown): void {
    // What the end of a session cuts off is nobody's fault, and nobody is left to be told.
    if (this.#request.session.signal.aborted) return;
    const result = resultOf(error);
    const isLogged = this.#results.some((known) => known?.[0] === result[0]);
    const [namespace = "", name = ""] = (this.#names[i] ?? "").split("/");
    const resource = { ...this.#request.resource, namespace, name };
    this.#run.answers.report({ ...this.#request, resource }, error, isLogged);
    this.#settle(i, result);
  }

  arm(): void {
    if (this.#isAnswered) return;
    const { signal } = this.#request.session;
    const cancel = this.#run.clock.schedule(this.#run.answerMs, () => this.#answer());
    signal.addEventListener("abort", cancel, { once: true });
    this.#cancel = () => {
      cancel();
      signal.removeEventListener("abort", cancel);
    };
  }

  #settle(i: number, result: BatchResult): void {
    if (this.#results[i] !== undefined) return;
    this.#results[i] = result;
    this.#open -= 1;
    if (this.#open === 0 && !this.#isAnswered) this.#answer();
  }

  #answer(): void {
    this.#isAnswered = true;
    this.#cancel?.();
    if (this.#request.session.signal.aborted) return;
    const results = this.#results.map((result): BatchResult => result ?? ["WAITING"]);
    this.#run.answers.done(this.#request, { content: { results } }, { reply: REPLY });
  }
}

const REPLY = { source: "devicecontroller", group: "twin", resource: "twin" } as const;

/** A failure of ours or of the API server passes; the edge is not told which. */
function resultOf(error: unknown): BatchResult {
  if (error instanceof ApiError && [400, 413, 422].includes(error.code))
    return ["BAD", "the API server refuses the values"];
  if (!(error instanceof UplinkRefusal)) return ["LATER"];
  const { reason, message } = error;
  if (reason === "BAD" || reason === "RATE" || reason === "LATER" || reason === "STALE_UID")
    return [reason, message];
  return reason === "FORBIDDEN" ? ["FORBIDDEN", "not a device of this node, or missing"] : ["LATER"];
}
