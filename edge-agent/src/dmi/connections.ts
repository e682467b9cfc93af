// SPDX-License-Identifier: Apache-2.0
import type { Socket } from "node:net";

/** How many connections there may be. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** one that has been quiet for so long makes room for another */
  readonly quietMs: number;
}

/**
 * The connections of mappers. One too many is refused, unless another has been quiet for long, which then ends: its
 * mapper connects again when it has something to say. So nobody keeps all the others away for good by saying nothing.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #nowMs: () => number;
  /** When each was heard last, the quietest first. */
  readonly #heardMs = new Map<Socket, number>();

  /** @param nowMs of a clock that never goes back */
  constructor(limits: ConnectionLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** @returns false when there is no room: the connection has been ended */
  add(socket: Socket): boolean {
    if (this.#heardMs.size >= this.#limits.maxConnections && !this.#makeRoom()) {
      socket.destroy();
      return false;
    }
    this.#heardMs.set(socket, this.#nowMs());
    socket.on("data", () => this.#heard(socket));
    socket.once("close", () => this.#heardMs.delete(socket));
    return true;
  }

  endAll(): void {
    for (const socket of this.#heardMs.keys()) socket.destroy();
  }

  #heard(socket: Socket): void {
    if (this.#heardMs.delete(socket)) this.#heardMs.set(socket, this.#nowMs());
  }

  #makeRoom(): boolean {
    const [quietest] = this.#heardMs;
    if (quietest === undefined || this.#nowMs() - quietest[1] < this.#limits.quietMs) return false;
    this.#heardMs.delete(quietest[0]);
    quietest[0].destroy();
    return true;
  }
}
