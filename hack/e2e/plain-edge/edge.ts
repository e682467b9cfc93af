// SPDX-License-Identifier: Apache-2.0
import { WebSocket } from "ws";
import type { NodeIdentity } from "../../bench/edges/edge.ts";
import { keepalive, ok, readPush, tunnelPath, upgradeHeaders } from "../../bench/edges/dialect.ts";
import { answersOf, oldAnswerOf, readOrder, type JobOrder } from "./messages.ts";

export interface EdgeDeps {
  readonly identity: NodeIdentity;
  /** host:port */
  readonly hub: string;
  /** PEM */
  readonly ca: string;
  /** undefined: it never answers */
  readonly succeeds: (order: JobOrder) => boolean | undefined;
}

const KEEPALIVE_MS = 10_000;
const REDIAL_MS = 500;

/** A session of a plain KubeEdge edge that keeps nothing and carries out every job at once. */
export class PlainEdge {
  readonly orders: JobOrder[] = [];
  readonly #deps: EdgeDeps;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(deps: EdgeDeps) {
    this.#deps = deps;
  }

  /** Resolves when the tunnel is open; later losses are healed by dialling again. */
  start(): Promise<void> {
    this.#isStopped = false;
    return new Promise((resolve) => this.#dial(resolve));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #dial(onOpen: () => void): void {
    const { hub, ca, identity } = this.#deps;
    const { node, cert, key } = identity;
    const tls = { ca, cert, key, perMessageDeflate: false };
    const headers = upgradeHeaders(node, "kubeedge");
    const socket = new WebSocket(`wss://${hub}${tunnelPath(node)}`, { ...tls, headers });
    this.#socket = socket;
    socket.on("open", () => {
      socket.send(keepalive());
      this.#timer = setInterval(() => socket.send(keepalive()), KEEPALIVE_MS);
      onOpen();
    });
    socket.on("message", (data: Buffer) => this.#received(socket, data.toString("utf8")));
    socket.on("error", () => undefined); // its close follows
    socket.on("close", () => {
      clearInterval(this.#timer);
      if (!this.#isStopped) this.#timer = setTimeout(() => this.#dial(onOpen), REDIAL_MS);
    });
  }

  #received(socket: WebSocket, text: string): void {
    const order = readOrder(text);
    if (order !== undefined) {
      this.#ordered(socket, order);
      return;
    }
    const push = readPush(text);
    if (push !== undefined) socket.send(ok(push));
  }

  #ordered(socket: WebSocket, order: JobOrder): void {
    this.orders.push(order);
    const succeeds = this.#deps.succeeds(order);
    if (succeeds === undefined) return;
    const { node } = this.#deps.identity;
    const answers =
      order.dialect === "v1alpha2" ? answersOf(order, succeeds) : [oldAnswerOf(order, node, succeeds)];
    for (const answer of answers) socket.send(answer);
  }
}
