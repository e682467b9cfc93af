// SPDX-License-Identifier: Apache-2.0
import {
  createMux,
  STREAM_LIMITS,
  type IncomingStream,
  type Mux,
  type MuxDeps,
  type StreamLimits,
} from "../../src/stream/index.ts";
import { decodeStreamFrame, type StreamFrame } from "../../src/stream/frame.ts";

/** Time that moves only when told to. */
export class ManualClock {
  #nowMs = 0;
  readonly #timers = new Set<{ atMs: number; run: () => void }>();

  nowMs = (): number => this.#nowMs;

  schedule = (delayMs: number, run: () => void): (() => void) => {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get timers(): number {
    return this.#timers.size;
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs) continue;
      this.#timers.delete(timer);
      timer.run();
    }
  }
}

/** Lets streams do all that they do without anything new from outside. */
export const settled = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
};

export interface Options {
  readonly limits?: Partial<StreamLimits>;
  readonly onIncoming?: (incoming: IncomingStream) => void;
}

/** One mux, and a test that is its peer. */
export function lonelyMux(options: Options = {}) {
  const clock = new ManualClock();
  const sent: Buffer[] = [];
  const payloads: Buffer[] = [];
  const violations: string[] = [];
  const counts: number[] = [];
  const state = { isWritable: true };
  const mux = createMux({
    socket: {
      send: (head, payload) => {
        sent.push(payload ? Buffer.concat([head, payload]) : head);
        if (payload) payloads.push(payload);
      },
      isWritable: () => state.isWritable,
    },
    limits: { ...STREAM_LIMITS, ...options.limits },
    ...(options.onIncoming && { onIncoming: options.onIncoming }),
    onViolation: (reason) => violations.push(reason),
    onCount: (live) => counts.push(live),
    clock,
  });
  /** What was sent since the last look, as the peer sees it. */
  const takeSent = (): StreamFrame[] =>
    sent.splice(0).map((message) => decodeStreamFrame(message, STREAM_LIMITS.maxTextBytes)!);
  return { mux, clock, violations, counts, state, takeSent, payloads };
}

/** One direction of a connection, which holds messages until it is told to move. */
export class Wire {
  readonly #queue: Buffer[] = [];
  readonly #writableBytes: number;
  #bytes = 0;
  #from!: Mux;
  #to!: Mux;
  /** Bytes of data that came out so far, by the id that their receiver knows. */
  readonly deliveredBytes = new Map<number, number>();

  constructor(writableBytes: number) {
    this.#writableBytes = writableBytes;
  }

  connect(from: Mux, to: Mux): void {
    this.#from = from;
    this.#to = to;
  }

  send = (head: Buffer, payload?: Buffer): void => {
    const message = payload ? Buffer.concat([head, payload]) : head;
    this.#queue.push(message);
    this.#bytes += message.length;
  };

  isWritable = (): boolean => this.#bytes < this.#writableBytes;

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /** Delivers the oldest message. */
  move(): void {
    const message = this.#queue.shift();
    if (!message) return;
    const wasWritable = this.isWritable();
    this.#bytes -= message.length;
    this.#count(message);
    this.#to.receive(message);
    if (!wasWritable && this.isWritable()) this.#from.drained();
  }

  #count(message: Buffer): void {
    const frame = decodeStreamFrame(message, STREAM_LIMITS.maxTextBytes);
    if (frame?.type !== "data") return;
    const before = this.deliveredBytes.get(frame.id) ?? 0;
    this.deliveredBytes.set(frame.id, before + frame.payload.length);
  }
}

export interface PairOptions {
  readonly limits?: Partial<StreamLimits>;
  readonly writableBytes?: number;
  readonly onIncoming: (incoming: IncomingStream, mux: "a" | "b") => void;
}

/** Two muxes on one connection. */
export function pairOfMuxes({ limits, writableBytes = 64 * 1024, onIncoming }: PairOptions) {
  const clock = new ManualClock();
  const violations: string[] = [];
  const wires = { ab: new Wire(writableBytes), ba: new Wire(writableBytes) };
  const deps = (name: "a" | "b", wire: Wire): MuxDeps => ({
    socket: wire,
    limits: { ...STREAM_LIMITS, ...limits },
    onIncoming: (incoming) => onIncoming(incoming, name),
    onViolation: (reason) => violations.push(reason),
    clock,
  });
  const a = createMux(deps("a", wires.ab));
  const b = createMux(deps("b", wires.ba));
  wires.ab.connect(a, b);
  wires.ba.connect(b, a);
  const isIdle = (): boolean => wires.ab.isIdle && wires.ba.isIdle;
  const moveAll = (): void => {
    for (let i = 0; i < 64 && !isIdle(); i++) {
      wires.ab.move();
      wires.ba.move();
    }
  };
  /** Delivers everything until nothing comes any more, or the condition holds. */
  const run = async (until = (): boolean => false): Promise<void> => {
    for (let quiet = 0; quiet < 2 && !until(); quiet = isIdle() ? quiet + 1 : 0) {
      moveAll();
      await settled();
    }
  };
  return { a, b, wires, clock, violations, run, isIdle };
}
