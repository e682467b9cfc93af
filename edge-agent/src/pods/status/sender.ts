// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import type { Uplink } from "../../tunnel/port.ts";
import { errorOf, isGone, isOtherUid } from "../cloud/index.ts";
import { messageOf, PodError, type PodStatus } from "../model/index.ts";
import { statusPatch } from "./patch.ts";

/** Whose status it is. */
export interface StatusTarget {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

/** What delivering statuses needs of the agent. */
export interface SenderDeps {
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly timeoutMs: number;
  /** complete statuses go once more this long after a connect */
  readonly resendAfterMs: number;
  readonly onSent?: (result: "ok" | "gone" | "failed") => void;
}

interface Entry {
  readonly target: StatusTarget;
  latest: PodStatus;
  /** what the cloud acknowledged in this session */
  acked: PodStatus | undefined;
  /** the API object is no more */
  gone: boolean;
  failures: number;
  sending: Promise<void> | undefined;
  cancelRetry: (() => void) | undefined;
}

const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 30_000;

/**
 * Carries statuses to the cloud: of each pod only the latest, nothing that is acknowledged already, all
 * of them complete after a connect. Offline it just remembers.
 */
export class StatusSender {
  readonly #deps: SenderDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #unsubscribe: () => void;
  #cancelResend: (() => void) | undefined;
  #stopped = false;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.uplink.onState((connected) => this.#onState(connected));
  }

  /** Takes the latest status of a pod. */
  set(target: StatusTarget, status: PodStatus): void {
    const entry = this.#entries.get(target.uid);
    if (!entry) {
      const fresh: Entry = {
        target,
        latest: status,
        acked: undefined,
        gone: false,
        failures: 0,
        sending: undefined,
        cancelRetry: undefined,
      };
      this.#entries.set(target.uid, fresh);
      this.#kick(fresh);
      return;
    }
    entry.latest = status;
    this.#kick(entry);
  }

  /** Resolves when the latest status is acknowledged, or the object is gone. @throws {PodError} UNREACHABLE */
  async flush(uid: string): Promise<void> {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    await entry.sending;
    if (this.#isDone(entry)) return;
    this.#kick(entry, true);
    await entry.sending;
    if (!this.#isDone(entry)) throw new PodError("UNREACHABLE", "the status could not be delivered");
  }

  forget(uid: string): void {
    this.#entries.get(uid)?.cancelRetry?.();
    this.#entries.delete(uid);
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelResend?.();
    for (const entry of this.#entries.values()) entry.cancelRetry?.();
  }

  #isDone(entry: Entry): boolean {
    return entry.gone || (entry.acked !== undefined && isDeepStrictEqual(entry.acked, entry.latest));
  }

  #onState(connected: boolean): void {
    this.#cancelResend?.();
    this.#resendAll();
    if (connected) {
      this.#cancelResend = this.#deps.clock.schedule(this.#deps.resendAfterMs, () => this.#resendAll());
    }
  }

  #resendAll(): void {
    for (const entry of this.#entries.values()) {
      entry.acked = undefined;
      entry.gone = false;
      entry.failures = 0;
      // A pause that an earlier session earned does not hold this one up.
      this.#kick(entry, true);
    }
  }

  #kick(entry: Entry, now = false): void {
    if (entry.sending || this.#stopped || !this.#deps.uplink.isConnected() || this.#isDone(entry)) return;
    if (entry.cancelRetry && !now) return;
    entry.cancelRetry?.();
    entry.cancelRetry = undefined;
    entry.sending = this.#send(entry).finally(() => {
      entry.sending = undefined;
      if (this.#entries.get(entry.target.uid) === entry) this.#again(entry);
    });
  }

  #again(entry: Entry): void {
    if (this.#stopped) return;
    if (entry.failures === 0) {
      this.#kick(entry);
      return;
    }
    const delayMs = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(entry.failures, 10));
    entry.cancelRetry = this.#deps.clock.schedule(delayMs, () => {
      entry.cancelRetry = undefined;
      this.#kick(entry);
    });
  }

  async #send(entry: Entry): Promise<void> {
    const { target, latest, acked } = entry;
    const content = statusPatch(target.uid, acked, latest);
    if (content === undefined) {
      entry.acked = latest;
      return;
    }
    try {
      const resource = `${target.namespace}/podpatch/${target.name}`;
      const reply = await this.#deps.uplink.request(
        { operation: "patch", resource, content },
        { timeoutMs: this.#deps.timeoutMs },
      );
      const failure = errorOf(reply);
      if (!failure) this.#acknowledge(entry, latest);
      else if (isGone(failure) || isOtherUid(failure)) this.#gone(entry);
      else this.#failed(entry, failure.message ?? failure.reason ?? "refused");
    } catch (error) {
      this.#failed(entry, messageOf(error));
    }
  }

  #acknowledge(entry: Entry, status: PodStatus): void {
    entry.acked = status;
    entry.failures = 0;
    this.#deps.onSent?.("ok");
  }

  #gone(entry: Entry): void {
    entry.gone = true;
    entry.failures = 0;
    this.#deps.onSent?.("gone");
  }

  #failed(entry: Entry, message: string): void {
    entry.failures += 1;
    this.#deps.onSent?.("failed");
    this.#deps.log.warn({ uid: entry.target.uid, reason: message.slice(0, 300) }, "pod status not delivered");
  }
}
