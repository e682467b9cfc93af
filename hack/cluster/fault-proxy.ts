// SPDX-License-Identifier: Apache-2.0
import { connect, createServer, type Server, type Socket } from "node:net";

type Direction = "up" | "down";

/** What a link does to what passes: `up` is towards the target, `down` back. */
export interface LinkState {
  /** Existing connections are reset and new ones refused. */
  readonly cut: boolean;
  /** Bytes are swallowed without a sign, as by a dead router. */
  readonly blackhole: { readonly up: boolean; readonly down: boolean };
  readonly delayMs: { readonly up: number; readonly down: number };
  /** Where new connections go, on loopback; absent: the first target. */
  readonly targetPort?: number;
}

export const HEALTHY: LinkState = {
  cut: false,
  blackhole: { up: false, down: false },
  delayMs: { up: 0, down: 0 },
};

export interface FaultProxy {
  readonly port: number;
  state(): LinkState;
  set(state: LinkState): void;
  /** Connections that are open now. */
  connections(): number;
  /** Bytes that came in for each direction since it was made. */
  bytes(): Readonly<Record<Direction, number>>;
  close(): Promise<void>;
}

/** What a slow link may hold before the sender is made to wait. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;

/** A TCP proxy on `host` (default loopback) towards `target`, whose faults and target can be set at any time. */
export async function createFaultProxy(
  target: { host: string; port: number },
  port = 0,
  host = "127.0.0.1",
): Promise<FaultProxy> {
  let state = HEALTHY;
  const open = new Set<Socket>();
  const bytes = { up: 0, down: 0 };
  const count = (direction: Direction) => (chunk: Buffer) => {
    bytes[direction] += chunk.length;
  };
  const server = createServer((client) => {
    if (state.cut) return void client.resetAndDestroy();
    const upstream = connect({ ...target, port: state.targetPort ?? target.port });
    const both = [client, upstream];
    both.forEach((socket) => {
      open.add(socket);
      socket.setNoDelay(true);
      socket.once("error", () => undefined); // its close follows
      socket.once("close", () => {
        open.delete(socket);
        both.forEach((other) => other.destroy());
      });
    });
    client.on("data", count("up"));
    upstream.on("data", count("down"));
    carry(client, upstream, "up", () => state);
    carry(upstream, client, "down", () => state);
  });
  await listen(server, port, host);
  return {
    port: (server.address() as { port: number }).port,
    state: () => state,
    set: (next) => {
      state = next;
      if (next.cut) open.forEach((socket) => socket.resetAndDestroy());
    },
    connections: () => open.size / 2,
    bytes: () => ({ ...bytes }),
    close: () => {
      open.forEach((socket) => socket.destroy());
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Carries bytes in order; each waits its delay from when it came, so that the link's throughput is not cut. */
function carry(from: Socket, to: Socket, direction: Direction, state: () => LinkState): void {
  let heldBytes = 0;
  let tail = Promise.resolve();
  from.on("data", (chunk: Buffer) => {
    if (state().blackhole[direction]) return;
    const dueMs = performance.now() + state().delayMs[direction];
    heldBytes += chunk.length;
    if (heldBytes > MAX_HELD_BYTES) from.pause();
    tail = tail.then(async () => {
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (to.writable && !to.write(chunk)) await drained(to);
      heldBytes -= chunk.length;
      if (heldBytes <= MAX_HELD_BYTES) from.resume();
    });
  });
  from.once("end", () => void tail.then(() => to.end()));
}

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });

const listen = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
