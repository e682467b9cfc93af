// SPDX-License-Identifier: Apache-2.0
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { waitFor } from "../../wait.ts";
import type { NodeIdentity, Target } from "./edge.ts";
import { EMPTY, type Order, type Progress } from "./messages.ts";

/** Simulated edges of one target, in a process of their own. */
export class Fleet {
  readonly #child: ChildProcess;
  #progress: Progress = EMPTY;

  constructor() {
    this.#child = fork(join(import.meta.dirname, "process.ts"), { execArgv: ["--conditions=source"] });
    this.#child.on("message", (progress) => (this.#progress = progress as Progress));
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Connects edges and waits until all are. */
  async add(target: Target, identities: readonly NodeIdentity[], timeoutMs = 120_000): Promise<void> {
    const wanted = this.#progress.connected + identities.length;
    this.#order({ do: "add", target, identities });
    await waitFor(() => this.#progress.connected >= wanted, {
      what: `${wanted} edges to connect to ${target.hub}`,
      timeoutMs,
      intervalMs: 20,
      advice: "the log of the hub",
    });
  }

  /** Waits until `pairs` (node, object) pairs hold the newest round, which must be `round`. @returns when, wall clock */
  async reached(round: number, pairs: number, timeoutMs = 120_000): Promise<number> {
    return waitFor(
      () => {
        const { round: newest, atNewest, atMs } = this.#progress;
        if (newest === round && atNewest >= pairs) return atMs;
        throw new Error(`${newest === round ? atNewest : 0} of ${pairs} arrived`);
      },
      { what: `round ${round} on the edges`, timeoutMs, intervalMs: 2 },
    );
  }

  /** Waits until nothing more was acknowledged for `quietMs`. */
  async settled(quietMs = 1_000, timeoutMs = 120_000): Promise<void> {
    await waitFor(() => Date.now() - this.#progress.atMs > quietMs, {
      what: "the edges to be quiet",
      timeoutMs,
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || !this.#child.connected) return;
    this.#order({ do: "stop" });
    await once(this.#child, "exit");
  }

  #order(order: Order): void {
    this.#child.send(order);
  }
}
