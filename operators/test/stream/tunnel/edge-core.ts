// SPDX-License-Identifier: Apache-2.0
import {
  decodeTunnelMessage,
  encodeTunnelMessage,
  TUNNEL_TYPE,
  type TunnelMessage,
} from "@longshore/crds/stream";
import { Registry } from "prom-client";
import { WebSocket } from "ws";
import { silentLog, type Clock } from "../../../src/runtime/index.ts";
import {
  createStreamTunnel,
  type StreamTunnel,
  type StreamTunnelDeps,
} from "../../../src/stream/tunnel/index.ts";
import { certificateFacts, identify, peerDer } from "../../../src/hub/auth/index.ts";
import { createTestCa, type Identity, type TestCa } from "../../hub/support/pki.ts";

/** Waits until `condition` holds, looking once a turn of the event loop; fails after 4 s of real time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A clock that stands still until it is moved. */
export class StillClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers = new Set<{ dueMs: number; task: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.now();
  }

  schedule(delayMs: number, task: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get waiting(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.task();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): { dueMs: number; task: () => void } | undefined {
    const due = [...this.#timers].filter(({ dueMs }) => dueMs <= endMs);
    return due.sort((a, b) => a.dueMs - b.dueMs)[0];
  }
}

/** The peer of a hub's stream tunnel, in the words of EdgeCore. */
export class EdgeCore {
  readonly messages: TunnelMessage[] = [];
  readonly isBinary: boolean[] = [];
  readonly ws: WebSocket;
  pings = 0;
  closed: { code: number; reason: string } | undefined;
  status: number | undefined;

  constructor(
    port: number,
    ca: string,
    identity: Partial<Identity>,
    headers: Record<string, string>,
    path: string,
  ) {
    this.ws = new WebSocket(`wss://127.0.0.1:${port}${path}`, {
      ...identity,
      ca,
      headers,
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
    this.ws.on("message", (data: Buffer, isBinary) => {
      this.isBinary.push(isBinary);
      this.messages.push(decodeTunnelMessage(data));
    });
    this.ws.on("ping", () => this.pings++);
    this.ws.on("error", () => undefined);
    this.ws.on("close", (code, reason) => (this.closed = { code, reason: reason.toString() }));
    this.ws.on("unexpected-response", (_request, response) => {
      this.status = response.statusCode;
      this.ws.terminate();
    });
  }

  /** Waits for a message that is not yet taken, and takes it. */
  async next(type: number): Promise<TunnelMessage> {
    await until(() => this.messages.some((message) => message.type === type), `message of type ${type}`);
    const index = this.messages.findIndex((message) => message.type === type);
    return this.messages.splice(index, 1)[0]!;
  }

  data(connection: number, payload: string | Buffer): void {
    this.send(connection, TUNNEL_TYPE.data, Buffer.from(payload));
  }

  end(connection: number): void {
    this.send(connection, TUNNEL_TYPE.remove, Buffer.alloc(0));
  }

  send(connection: number, type: number, payload: Buffer): void {
    this.ws.send(encodeTunnelMessage({ connection, type, payload }), { binary: false });
  }
}

export interface Rig {
  readonly ca: TestCa;
  readonly tunnel: StreamTunnel;
  readonly clock: StillClock;
  readonly registry: Registry;
  readonly events: string[];
  /** Dials without waiting. */
  dial(
    node: string,
    how?: { headers?: Record<string, string>; path?: string; identity?: Partial<Identity>; ca?: string },
  ): Promise<EdgeCore>;
  /** Dials, and waits until it is the node's tunnel. */
  edge(node: string): Promise<EdgeCore>;
  metric(name: string, labels?: object): Promise<number>;
  stop(): Promise<void>;
}

/** A stream tunnel server on a free port, with its own authority. */
export async function createRig(deps: Partial<StreamTunnelDeps> = {}): Promise<Rig> {
  const ca = await createTestCa();
  const clock = new StillClock();
  const registry = new Registry();
  const events: string[] = [];
  const edges: EdgeCore[] = [];
  const tunnel = createStreamTunnel({
    tls: { ca: ca.cert, ...(await ca.server()) },
    identify: (socket) => identify(certificateFacts(peerDer(socket)!), undefined, Date.now()),
    log: silentLog,
    registry,
    clock,
    onOpened: (node) => events.push(`opened ${node}`),
    onClosed: (node) => events.push(`closed ${node}`),
    ...deps,
    options: { host: "127.0.0.1", port: 0, ...deps.options },
  });
  await tunnel.listen();
  const dial: Rig["dial"] = async (node, how = {}) => {
    const identity = how.identity ?? (await ca.edge(node));
    const headers = how.headers ?? { SessionHostNameOverride: node, SessionInternalIP: "10.0.0.2" };
    const edge = new EdgeCore(
      tunnel.port,
      how.ca ?? ca.cert,
      identity,
      headers,
      how.path ?? "/v1/kubeedge/connect",
    );
    edges.push(edge);
    return edge;
  };
  return {
    ca,
    tunnel,
    clock,
    registry,
    events,
    dial,
    edge: async (node) => {
      const before = events.filter((event) => event === `opened ${node}`).length;
      const edge = await dial(node);
      await until(
        () =>
          events.filter((event) => event === `opened ${node}`).length > before &&
          edge.ws.readyState === edge.ws.OPEN,
        `tunnel of ${node}`,
      );
      return edge;
    },
    metric: async (name, labels = {}) => {
      const { values } = (await registry.getSingleMetric(name)!.get()) as {
        values: { value: number; labels: object }[];
      };
      const found = values.find((value) => JSON.stringify(value.labels) === JSON.stringify(labels));
      return found?.value ?? 0;
    },
    stop: async () => {
      for (const { ws } of edges) ws.terminate();
      await tunnel.close();
    },
  };
}
