// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import type { Clock } from "../../runtime/index.ts";
import type { StreamTunnelOptions } from "./options.ts";

type Limits = Pick<
  StreamTunnelOptions,
  "maxStreamBytes" | "maxBytes" | "pauseBytes" | "resumeBytes" | "pauseMs"
>;

/** Bytes that wait for readers in all tunnels of a hub. */
export interface HeldBytes {
  bytes: number;
}

export interface PausesDeps {
  readonly limits: Limits;
  readonly clock: Pick<Clock, "schedule">;
  readonly total: HeldBytes;
  readonly socket: { pause(): void; resume(): void };
  readonly onPause: () => void;
}

interface Slow {
  destroy(error: Error): void;
}

/**
 * Bounds what waits for the readers of one tunnel. KubeEdge's protocol has no flow control, so the one thing that
 * slows a node down is not to read from it, and that slows all its streams: for a moment, then the slow one is closed.
 */
export class Pauses {
  readonly #deps: PausesDeps;
  /** Streams that wait for their reader, with what cancels the end of their patience. */
  readonly #slow = new Map<Slow, () => void>();

  constructor(deps: PausesDeps) {
    this.#deps = deps;
  }

  get isPaused(): boolean {
    return this.#slow.size > 0;
  }

  /** Now `bytes` wait for the reader of this stream, and `before` did; 0 when it is over. */
  onHeld(stream: Slow, bytes: number, before: number): void {
    const { limits, total } = this.#deps;
    total.bytes += bytes - before;
    if (bytes < limits.resumeBytes) this.#release(stream);
    if (bytes <= before) return;
    if (bytes > limits.maxStreamBytes) stream.destroy(tooSlow());
    else if (total.bytes > limits.maxBytes)
      stream.destroy(new StreamError("FLOW_CONTROL", "too much waits for slow readers at this hub"));
    else if (bytes > limits.pauseBytes) this.#hold(stream);
  }

  /** No more comes for it: its reader may take the rest at leisure. */
  onOver(stream: Slow): void {
    this.#release(stream);
  }

  #hold(stream: Slow): void {
    if (this.#slow.has(stream)) return;
    if (this.#slow.size === 0) {
      this.#deps.socket.pause();
      this.#deps.onPause();
    }
    const giveUp = (): void => stream.destroy(tooSlow());
    this.#slow.set(stream, this.#deps.clock.schedule(this.#deps.limits.pauseMs, giveUp));
  }

  #release(stream: Slow): void {
    const cancel = this.#slow.get(stream);
    if (cancel === undefined) return;
    cancel();
    this.#slow.delete(stream);
    if (this.#slow.size === 0) this.#deps.socket.resume();
  }
}

const tooSlow = (): StreamError =>
  new StreamError(
    "FLOW_CONTROL",
    "the reader is slower than the node, and the node's stream tunnel (KubeEdge's) cannot wait for it",
  );
