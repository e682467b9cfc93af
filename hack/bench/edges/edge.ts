// SPDX-License-Identifier: Apache-2.0
import { WebSocket } from "ws";
import type { InventoryItem } from "@longshore/crds/wire";
import { isOrder } from "../jobs/orders.ts";
import { SimulatedTasks, type PullTimes } from "../jobs/tasks.ts";
import {
  ackMany,
  hello,
  inventory,
  keepalive,
  keyOfResource,
  ok,
  readPush,
  tunnelPath,
  upgradeHeaders,
  type Dialect,
  type Push,
} from "./dialect.ts";

/** A node and its certificate, all PEM. */
export interface NodeIdentity {
  readonly node: string;
  readonly cert: string;
  readonly key: string;
}

export interface Target {
  /** host:port of the tunnel */
  readonly hub: string;
  /** PEM */
  readonly ca: string;
  readonly dialect: Dialect;
  /** Edges do what ImagePrePullJobs order, and pulls take so long; absent: they acknowledge orders alone. */
  readonly pulls?: PullTimes;
}

/** What an edge tells its fleet. */
export interface EdgeEvents {
  /** @param dialedMs wall clock of the dial */
  opened(dialedMs: number): void;
  closed(): void;
  acked(push: Push): void;
}

const KEEPALIVE_MS = 15_000;
const REDIAL_MS = 200;

/** One simulated edge: it takes everything, keeps what names it, acknowledges at once, and dials again. */
export class SimulatedEdge {
  readonly #target: Target;
  readonly #identity: NodeIdentity;
  readonly #events: EdgeEvents;
  readonly #held = new Map<string, InventoryItem>();
  readonly #tasks: SimulatedTasks | undefined;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #toAck: Push[] = [];
  #epochs = { session: 0, cluster: 0 };
  #isStopped = false;

  constructor(target: Target, identity: NodeIdentity, events: EdgeEvents) {
    this.#target = target;
    this.#identity = identity;
    this.#events = events;
    this.#tasks = target.pulls && new SimulatedTasks(identity.node, target.pulls);
  }

  /** Resolves when the tunnel is open; later losses are healed by dialling again. */
  start(): Promise<void> {
    return new Promise((resolve) => this.#dial(resolve));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #dial(onOpen: () => void): void {
    const { hub, ca, dialect } = this.#target;
    const { node, cert, key } = this.#identity;
    const headers = upgradeHeaders(node, dialect);
    const url = `wss://${hub}${tunnelPath(node)}`;
    const socket = new WebSocket(url, {
      ca,
      cert,
      key,
      headers,
      perMessageDeflate: false,
      handshakeTimeout: 30_000,
    });
    this.#socket = socket;
    const dialedMs = Date.now();
    let wasOpen = false;
    socket.on("open", () => {
      wasOpen = true;
      this.#events.opened(dialedMs);
      this.#opened(socket);
      onOpen();
    });
    socket.on("message", (data: Buffer) => this.#received(socket, data.toString("utf8")));
    socket.on("error", () => undefined); // its close follows
    socket.on("close", () => {
      clearInterval(this.#timer);
      this.#toAck = [];
      if (wasOpen) this.#events.closed();
      if (!this.#isStopped) this.#timer = setTimeout(() => this.#dial(onOpen), REDIAL_MS);
    });
  }

  #opened(socket: WebSocket): void {
    const items = [...this.#held.values()];
    if (this.#target.dialect === "longshore")
      socket.send(hello(items, this.#epochs.session, this.#epochs.cluster));
    this.#timer = setInterval(() => socket.send(keepalive()), KEEPALIVE_MS);
    this.#tasks?.opened((text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    });
  }

  #received(socket: WebSocket, text: string): void {
    const push = readPush(text);
    if (push !== undefined) {
      this.#pushed(socket, push);
      if (isOrder(push.resource, push.operation)) this.#tasks?.ordered(text);
    } else if (text.includes('"inventory":')) this.#greeted(socket, text);
    else this.#tasks?.answered(text);
  }

  #greeted(socket: WebSocket, text: string): void {
    const { content } = JSON.parse(text) as {
      content: { sessionEpoch: number; clusterEpoch: number; inventory: "match" | "send" };
    };
    this.#epochs = { session: content.sessionEpoch, cluster: content.clusterEpoch };
    if (content.inventory === "send") socket.send(inventory([...this.#held.values()]));
  }

  #pushed(socket: WebSocket, push: Push): void {
    this.#keep(push);
    if (this.#target.dialect === "kubeedge") {
      socket.send(ok(push));
      this.#events.acked(push);
      return;
    }
    if (this.#toAck.push(push) > 1) return;
    setImmediate(() => {
      const pushes = this.#toAck.splice(0);
      if (pushes.length === 0 || socket.readyState !== WebSocket.OPEN) return;
      socket.send(ackMany(pushes.map(({ id }) => id)));
      for (const acked of pushes) this.#events.acked(acked);
    });
  }

  #keep({ resource, operation, uid, resourceVersion, digest }: Push): void {
    const key = keyOfResource(resource);
    if (operation === "delete") this.#held.delete(key);
    else this.#held.set(key, [key, uid, resourceVersion, digest]);
  }
}
