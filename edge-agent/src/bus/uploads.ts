// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import type { Clock } from "../clock.ts";
import { pauseMs } from "../devices/backoff.ts";
import { createBuckets } from "../devices/bucket.ts";
import type { AgentLog } from "../log.ts";
import type { Gap, Outbox, OutboxRow } from "../store/outbox-port.ts";
import type { Uplink, UplinkRequest } from "../tunnel/port.ts";
import { GAP_TOPIC } from "./topic.ts";

/** How uploads go to the cloud. */
export interface UploadOptions {
  /** a share of what the tunnel lets pass for everybody */
  readonly perSecond: number;
  readonly requestTimeoutMs: number;
  /** rows sent together, default 8 */
  readonly batch?: number;
  /** towards a CloudCore, which answers no upload: what was sent so long ago in a session that lives has arrived; default 30 s */
  readonly silentMs?: number;
}

/** What uploading needs of the agent. */
export interface UploadDeps {
  readonly outbox: Outbox;
  readonly uplink: Uplink;
  /** The hub answers what it takes and what it refuses; a CloudCore does neither. */
  readonly isAnswered: () => boolean;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
  readonly options: UploadOptions;
  readonly onSent: (result: "ok" | "refused" | "failed" | "dropped", count: number) => void;
}

const DEFAULTS = { batch: 8, silentMs: 30_000 };
/** Below a chunk of the tunnel, so that nobody waits long behind a batch. */
const MAX_BATCH_CHARS = 128 * 1024;
/** A cloud that refuses so many in a row takes none for now. */
const REFUSALS_IN_A_ROW = 8;
/** One that the cloud leaves without an answer so often, one time after the other, is passed by. */
const MAX_SILENCES = 3;
const RETRY = { baseMs: 5_000, capMs: 5 * 60_000 };
/** Sent to a CloudCore and not yet taken to have arrived. */
const MAX_SILENT = 1_000;
/** With QoS 0, without an answer yet. */
const MAX_OFFERS = 32;
const SWEEP_MS = 10 * 60_000;

type Result = "ok" | "refused" | "failed";

/** What KubeEdge's edge sends for a message by MQTT (wire format, section 7.4). */
export const uploadFrame = (topic: string, payload: string): UplinkRequest => ({
  source: "bus",
  group: "user",
  operation: "upload",
  resource: topic,
  content: payload,
});

const gapFrame = ({ dropped, bytes, fromMs, toMs }: Gap): UplinkRequest =>
  uploadFrame(GAP_TOPIC, JSON.stringify({ dropped, bytes, from: fromMs, to: toMs }));

const isRefusal = ({ route }: Frame): boolean => route.operation === "error";

/**
 * Carries what waits in the outbox to the cloud, oldest first, and takes it out once the cloud has it. A refused
 * message stays and does not hold up the next; a cloud that refuses all is asked later and later.
 */
export class Uploads {
  readonly #deps: UploadDeps;
  readonly #options: UploadOptions & typeof DEFAULTS;
  readonly #unsubscribe: () => void;
  readonly #mayPass: (key: string) => boolean;
  /** sent to a CloudCore, oldest first */
  readonly #silent: { readonly id: number; readonly atMs: number }[] = [];
  #offers = 0;
  #offerRefusals = 0;
  #quietUntilMs = -Infinity;
  #cursor = 0;
  #refusals = 0;
  #pauses = 0;
  /** when those that were passed by are tried again */
  #againAtMs: number | undefined;
  #again = 0;
  /** All that is left was passed by: the timer waits for their turn, and a new one need not. */
  #isIdle = false;
  /** the oldest that got no answer, and how often */
  #unanswered: { readonly id: number; readonly times: number } | undefined;
  #isBusy = false;
  #isStopped = false;
  #isToldOf = false;
  #cancelTimer: (() => void) | undefined;
  #cancelSweep: () => void;

  constructor(deps: UploadDeps) {
    this.#deps = deps;
    this.#options = { ...DEFAULTS, ...deps.options };
    const { perSecond } = this.#options;
    this.#mayPass = createBuckets(deps.clock, { perSecond, burst: Math.max(1, perSecond) });
    this.#unsubscribe = deps.uplink.onState(() => this.#onState());
    this.#cancelSweep = this.#sweepLater();
    this.wake();
  }

  /** Durable when it resolves. @throws {StoreError} */
  async put(topic: string, payload: string): Promise<void> {
    await this.#deps.outbox.put(topic, payload);
    if (this.#isIdle && this.#pauses === 0) this.#cancel();
    this.wake();
  }

  /** Best effort, as QoS 0 is: not kept while the cloud is away, refuses, or gets enough. */
  offer(topic: string, payload: string): void {
    const { clock, uplink, isAnswered, onSent } = this.#deps;
    const isHeldUp = this.#pauses > 0 || clock.monotonicMs() < this.#quietUntilMs;
    if (!uplink.isConnected() || isHeldUp || this.#offers >= MAX_OFFERS || !this.#mayPass("")) {
      onSent("dropped", 1);
      return;
    }
    const frame = uploadFrame(topic, payload);
    if (isAnswered()) void this.#offer(frame);
    else onSent(this.#trySend(frame) ? "ok" : "dropped", 1);
  }

  /** One that is refused speaks for those behind it. */
  async #offer(frame: UplinkRequest): Promise<void> {
    this.#offers++;
    const result = await this.#send(frame);
    this.#offers--;
    this.#offerRefusals = result === "ok" ? 0 : this.#offerRefusals + 1;
    if (result === "ok") return;
    const quietMs = pauseMs(this.#offerRefusals, RETRY, this.#deps.random);
    this.#quietUntilMs = this.#deps.clock.monotonicMs() + quietMs;
  }

  /** Looks whether something can be sent. */
  wake(): void {
    if (this.#isStopped || this.#isBusy || this.#cancelTimer !== undefined) return;
    if (!this.#deps.uplink.isConnected()) return;
    this.#isBusy = true;
    this.#round()
      .catch((err: unknown) => {
        this.#deps.log.warn({ err }, "uploads are held up by the outbox");
        return this.#pause();
      })
      .then((delayMs) => {
        this.#isBusy = false;
        if (delayMs !== undefined) this.#later(delayMs);
      })
      .catch((err: unknown) => this.#deps.log.error({ err }, "uploads stopped"));
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe();
    this.#cancelTimer?.();
    this.#cancelSweep();
  }

  #later(delayMs: number): void {
    if (this.#isStopped || this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#deps.clock.schedule(delayMs, () => {
      this.#cancelTimer = undefined;
      this.wake();
    });
  }

  #cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #onState(): void {
    this.#cancel();
    this.#silent.length = 0;
    this.#cursor = 0;
    this.#refusals = 0;
    this.#pauses = 0;
    this.#again = 0;
    this.#againAtMs = undefined;
    this.#unanswered = undefined;
    this.#quietUntilMs = -Infinity;
    this.wake();
  }

  #sweepLater(): () => void {
    return this.#deps.clock.schedule(SWEEP_MS, () => {
      this.#deps.outbox
        .dropOld()
        .catch((err: unknown) => this.#deps.log.warn({ err }, "old uploads could not be dropped"));
      if (!this.#isStopped) this.#cancelSweep = this.#sweepLater();
    });
  }

  /** One batch. Returns when to go on; undefined when there is nothing to do until somebody wakes. */
  async #round(): Promise<number | undefined> {
    const { uplink, isAnswered } = this.#deps;
    this.#isIdle = false;
    if (!uplink.isConnected()) return undefined;
    return isAnswered() ? this.#answeredRound() : this.#silentRound();
  }

  async #answeredRound(): Promise<number | undefined> {
    const { outbox } = this.#deps;
    const gap = outbox.gap();
    if (gap !== undefined && !this.#mayPass("")) return this.#tokenMs();
    if (gap !== undefined && (await this.#send(gapFrame(gap))) === "ok") await outbox.forgetGap(gap);
    this.#beginAgain();
    const rows = this.#takeRows();
    if (rows === undefined) return this.#tokenMs();
    if (rows.length === 0) return this.#idle();
    const results = await Promise.all(
      rows.map(({ topic, payload }) => this.#send(uploadFrame(topic, payload))),
    );
    const done = rows.filter((_, i) => results[i] === "ok").map(({ id }) => id);
    if (done.length > 0) await outbox.delete(done);
    this.#cursor = rows.at(-1)?.id ?? this.#cursor;
    return this.#judge(rows, results);
  }

  /** Undefined where the rate allows none now. */
  #takeRows(): readonly OutboxRow[] | undefined {
    const most = this.#pauses > 0 ? 1 : this.#options.batch;
    const rows = this.#deps.outbox.next(this.#cursor, most, MAX_BATCH_CHARS);
    if (rows.length === 0) return rows;
    const allowed = rows.findIndex(() => !this.#mayPass(""));
    if (allowed === 0) return undefined;
    return allowed === -1 ? rows : rows.slice(0, allowed);
  }

  #tokenMs(): number {
    return Math.ceil(1_000 / this.#options.perSecond);
  }

  /** At the end: what was passed by on the way gets another chance, later and later. */
  #idle(): number | undefined {
    if (this.#deps.outbox.count === 0) this.#again = 0;
    if (this.#cursor === 0 || this.#deps.outbox.count === 0) return undefined;
    const nowMs = this.#deps.clock.monotonicMs();
    this.#againAtMs ??= nowMs + pauseMs(++this.#again, RETRY, this.#deps.random);
    this.#isIdle = true;
    return Math.max(0, this.#againAtMs - nowMs);
  }

  #beginAgain(): void {
    if (this.#againAtMs === undefined || this.#deps.clock.monotonicMs() < this.#againAtMs) return;
    this.#againAtMs = undefined;
    this.#cursor = 0;
    // The same one again says no more of the cloud than it did before.
    if (this.#pauses === 0) this.#refusals = 0;
  }

  /** Order is kept by waiting for the oldest without an answer, but not for ever. */
  #mayPassBy(rows: readonly OutboxRow[], results: readonly Result[]): boolean {
    const id = rows[results.indexOf("failed")]?.id ?? 0;
    const times = this.#unanswered?.id === id ? this.#unanswered.times + 1 : 1;
    this.#unanswered = { id, times };
    return times >= MAX_SILENCES && this.#deps.uplink.isConnected();
  }

  #judge(rows: readonly OutboxRow[], results: readonly Result[]): number {
    if (results.includes("ok")) {
      this.#refusals = 0;
      this.#pauses = 0;
      this.#isToldOf = false;
    } else this.#refusals += results.length;
    if (results.includes("failed") && !this.#mayPassBy(rows, results)) this.#cursor = 0;
    const isHeldUp = results.includes("failed") || this.#refusals >= REFUSALS_IN_A_ROW || this.#pauses > 0;
    return isHeldUp && !results.includes("ok") ? this.#pause() : 0;
  }

  #pause(): number {
    this.#pauses++;
    return pauseMs(this.#pauses, RETRY, this.#deps.random);
  }

  async #send(request: UplinkRequest): Promise<Result> {
    const { uplink, onSent, options } = this.#deps;
    try {
      const reply = await uplink.request(request, { timeoutMs: options.requestTimeoutMs });
      if (isRefusal(reply)) this.#tell(reply.content);
      const result = isRefusal(reply) ? "refused" : "ok";
      onSent(result, 1);
      return result;
    } catch {
      onSent("failed", 1);
      return "failed";
    }
  }

  /** Once, until one is taken again. */
  #tell(content: unknown): void {
    if (this.#isToldOf) return;
    this.#isToldOf = true;
    const reason = typeof content === "string" ? content.slice(0, 128) : "refused";
    const { count, bytes } = this.#deps.outbox;
    this.#deps.log.warn({ reason, count, bytes }, "the cloud does not take uploads, they wait");
  }

  /** A CloudCore answers no upload: what was sent counts as arrived when the session outlived it for a while. */
  async #silentRound(): Promise<number | undefined> {
    const { outbox, clock, onSent } = this.#deps;
    await this.#settleSilent();
    if (this.#silent.length >= MAX_SILENT) return this.#options.silentMs / 4;
    const gap = outbox.gap();
    if (gap !== undefined && this.#mayPass("") && this.#trySend(gapFrame(gap))) await outbox.forgetGap(gap);
    const rows = this.#takeRows();
    if (rows === undefined) return this.#tokenMs();
    for (const { id, topic, payload } of rows) {
      if (!this.#trySend(uploadFrame(topic, payload))) return RETRY.baseMs;
      onSent("ok", 1);
      this.#cursor = id;
      this.#silent.push({ id, atMs: clock.monotonicMs() });
    }
    if (rows.length > 0) return 0;
    return this.#silent.length > 0 ? this.#options.silentMs / 4 : undefined;
  }

  #trySend(request: UplinkRequest): boolean {
    try {
      this.#deps.uplink.send(request);
      return true;
    } catch {
      return false;
    }
  }

  async #settleSilent(): Promise<void> {
    const untilMs = this.#deps.clock.monotonicMs() - this.#options.silentMs;
    const first = this.#silent.findIndex(({ atMs }) => atMs > untilMs);
    const arrived = this.#silent.splice(0, first === -1 ? this.#silent.length : first);
    if (arrived.length > 0) await this.#deps.outbox.delete(arrived.map(({ id }) => id));
  }
}
