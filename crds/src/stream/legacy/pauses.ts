// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "../errors.ts";

/** What may wait for the consumers of one tunnel's streams, and how long all of them wait for one. */
export interface PauseLimits {
  /** Bytes that may wait for the consumer of one stream, and for all together. Beyond it that stream is closed. */
  readonly maxStreamBytes: number;
  readonly maxBytes: number;
  /** With so much waiting for one the tunnel is not read, until it is less than `resumeBytes`. */
  readonly pauseBytes: number;
  readonly resumeBytes: number;
  /** A consumer that takes nothing for so long in a pause is closed; so is one that takes too long in all. */
  readonly stallMs: number;
  readonly maxPauseMs: number;
}

/** Bytes that wait in all tunnels which share a bound. */
export interface HeldBytes {
  bytes: number;
}

export interface PausesDeps {
  readonly limits: PauseLimits;
  readonly clock: { schedule(delayMs: number, run: () => void): () => void };
  readonly total: HeldBytes;
  readonly socket: { pause(): void; resume(): void };
  readonly onPause?: () => void;
}

/** A stream whose consumer may be slow. */
interface Slow {
  destroy(error: Error): void;
}

interface Pause {
  cancel: () => void;
  elapsedMs: number;
  hasMoved: boolean;
}

/**
 * Bounds what waits for the consumers of one tunnel. KubeEdge's protocol has no flow control, so the one thing that
 * slows the other side down is not to read, and that slows all its streams: while the slow one moves, and not for long.
 */
export class Pauses {
  readonly #deps: PausesDeps;
  readonly #slow = new Map<Slow, Pause>();

  constructor(deps: PausesDeps) {
    this.#deps = deps;
  }

  get isPaused(): boolean {
    return this.#slow.size > 0;
  }

  /** Now `bytes` wait for this one, and `before` did; 0 when it is over. */
  onHeld(stream: Slow, bytes: number, before: number): void {
    this.#deps.total.bytes += bytes - before;
    if (bytes < before) this.#onTaken(stream, bytes);
    else this.#onAdded(stream, bytes);
  }

  /** No more comes for it: its consumer may take the rest at leisure. */
  onOver(stream: Slow): void {
    const pause = this.#slow.get(stream);
    if (pause === undefined) return;
    pause.cancel();
    this.#slow.delete(stream);
    if (this.#slow.size === 0) this.#deps.socket.resume();
  }

  #onTaken(stream: Slow, bytes: number): void {
    const pause = this.#slow.get(stream);
    if (pause !== undefined) pause.hasMoved = true;
    if (bytes < this.#deps.limits.resumeBytes) this.onOver(stream);
  }

  #onAdded(stream: Slow, bytes: number): void {
    const { limits, total } = this.#deps;
    if (bytes > limits.maxStreamBytes) stream.destroy(tooSlow());
    else if (total.bytes > limits.maxBytes)
      stream.destroy(new StreamError("FLOW_CONTROL", "too much waits for slow readers here"));
    else if (bytes > limits.pauseBytes && !this.#slow.has(stream)) this.#pause(stream);
  }

  #pause(stream: Slow): void {
    const { socket, clock, limits, onPause } = this.#deps;
    if (this.#slow.size === 0) {
      socket.pause();
      onPause?.();
    }
    const pause: Pause = { cancel: () => undefined, elapsedMs: 0, hasMoved: false };
    const look = (): void => {
      pause.elapsedMs += limits.stallMs;
      if (!pause.hasMoved || pause.elapsedMs >= limits.maxPauseMs) {
        stream.destroy(tooSlow());
        return;
      }
      pause.hasMoved = false;
      pause.cancel = clock.schedule(limits.stallMs, look);
    };
    pause.cancel = clock.schedule(limits.stallMs, look);
    this.#slow.set(stream, pause);
  }
}

const tooSlow = (): StreamError =>
  new StreamError(
    "FLOW_CONTROL",
    "the reader is slower than the writer, and KubeEdge's stream tunnel between them cannot wait for it",
  );
