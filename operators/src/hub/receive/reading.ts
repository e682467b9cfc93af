// SPDX-License-Identifier: Apache-2.0

/** Why a socket is not read now. */
export const PauseReason = { rate: 1, queue: 2, buffer: 4 } as const;
export type PauseReason = (typeof PauseReason)[keyof typeof PauseReason];

/** Pauses a socket while any reason holds; what is not read waits at the peer, and is not lost. */
export class Reading {
  readonly #socket: { pause(): void; resume(): void };
  #reasons = 0;

  constructor(socket: { pause(): void; resume(): void }) {
    this.#socket = socket;
  }

  get paused(): boolean {
    return this.#reasons !== 0;
  }

  has(reason: PauseReason): boolean {
    return (this.#reasons & reason) !== 0;
  }

  set(reason: PauseReason, holds: boolean): void {
    const before = this.#reasons;
    this.#reasons = holds ? before | reason : before & ~reason;
    if (before === 0 && this.#reasons !== 0) this.#socket.pause();
    else if (before !== 0 && this.#reasons === 0) this.#socket.resume();
  }
}
