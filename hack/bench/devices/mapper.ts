// SPDX-License-Identifier: Apache-2.0
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { waitFor } from "../../wait.ts";
import { EMPTY, type Order, type Progress } from "./messages.ts";

/** A mapper that reports for very many devices, in a process of its own. */
export class LoadMapper {
  readonly #child: ChildProcess;
  #progress: Progress = EMPTY;

  constructor() {
    this.#child = fork(join(import.meta.dirname, "process.ts"), { execArgv: ["--conditions=source"] });
    this.#child.on("message", (progress) => (this.#progress = progress as Progress));
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Registers at the agent, and waits until it was told of so many devices. */
  async register(order: Omit<Order & { do: "register" }, "do">, devices: number): Promise<void> {
    this.order({ do: "register", ...order });
    await waitFor(() => this.#progress.isRegistered && this.#progress.devices >= devices, {
      what: `${devices} devices at the mapper`,
      timeoutMs: 300_000,
      intervalMs: 100,
      advice: "the log of the agent",
    });
  }

  order(order: Order): void {
    this.#child.send(order);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || !this.#child.connected) return;
    this.order({ do: "stop" });
    await once(this.#child, "exit");
  }
}
