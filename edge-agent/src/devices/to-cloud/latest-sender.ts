// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import type { AgentLog } from "../../log.ts";
import type { Uplink, UplinkRequest } from "../../tunnel/port.ts";
import { messageOf } from "../model.ts";
import { Turns, type Turn, type TurnDeps, type TurnOptions } from "./turns.ts";

/** What waits to be sent about one key. */
export interface Outgoing {
  readonly request: UplinkRequest;
  /** The cloud has it. */
  readonly confirm: () => void;
}

/** How often, how many, and how patiently. */
export interface SenderOptions extends TurnOptions {
  /** frames without a reply yet, of all keys: the tunnel's rate is shared with pods and leases */
  readonly maxInFlight: number;
  /** time for the cloud's reply */
  readonly timeoutMs: number;
}

/** What sending needs of the agent. */
export interface SenderDeps extends Omit<TurnDeps, "onReady"> {
  readonly uplink: Uplink;
  readonly log: AgentLog;
  readonly options: SenderOptions;
  /** What is unconfirmed of this key, as it is now. */
  readonly outgoing: (key: string) => Outgoing | undefined;
  readonly onSent: (result: "ok" | "refused" | "failed") => void;
}

/** Why the cloud refused a request; undefined when it did not. */
export function refusalOf({ route, content }: Frame): string | undefined {
  if (route.operation === "error") return typeof content === "string" ? content.slice(0, 300) : "refused";
  const isStatus = typeof content === "object" && content !== null && "ErrStatus" in content;
  return isStatus ? "refused by the API" : undefined;
}

/** Carries the latest of each key to the cloud until it is confirmed: one in flight a key, newer replaces older. */
export class LatestSender {
  readonly #deps: SenderDeps;
  readonly #turns: Turns;
  #inFlight = 0;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    this.#turns = new Turns({ ...deps, onReady: () => this.#drain() });
    this.#turns.start();
  }

  /** Something new is known of this key. */
  mark(key: string): void {
    this.#turns.mark(key);
  }

  forget(key: string): void {
    this.#turns.forget(key);
  }

  stop(): void {
    this.#turns.stop();
  }

  #drain(): void {
    while (this.#inFlight < this.#deps.options.maxInFlight) {
      const turn = this.#turns.next();
      if (turn === undefined) return;
      const outgoing = this.#deps.outgoing(turn.key);
      this.#turns.take(turn, outgoing !== undefined);
      if (outgoing !== undefined) this.#begin(turn, outgoing);
    }
  }

  #begin(turn: Turn, outgoing: Outgoing): void {
    this.#inFlight++;
    this.#send(turn, outgoing)
      .catch((err: unknown) => this.#deps.log.error({ err }, "a sender failed"))
      .finally(() => {
        this.#inFlight--;
        this.#drain();
      });
  }

  async #send(turn: Turn, { request, confirm }: Outgoing): Promise<void> {
    const { uplink, options, onSent } = this.#deps;
    let problem: { readonly result: "refused" | "failed"; readonly reason: string } | undefined;
    try {
      const refusal = refusalOf(await uplink.request(request, { timeoutMs: options.timeoutMs }));
      if (refusal === undefined) confirm();
      else problem = { result: "refused", reason: refusal };
    } catch (error) {
      problem = { result: "failed", reason: messageOf(error) };
    }
    onSent(problem?.result ?? "ok");
    const failures = this.#turns.settle(turn, problem === undefined);
    if (problem !== undefined && failures === 1 && uplink.isConnected())
      this.#deps.log.warn({ device: turn.key, reason: problem.reason }, "a device's report is not confirmed");
  }
}
