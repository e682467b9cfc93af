// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { WebSocket, type ClientOptions } from "ws";
import {
  inventoryDigest,
  SESSION_GROUP,
  SESSION_RESOURCE,
  type Frame,
  type Hello,
  type HelloReply,
  type InventoryItem,
} from "@longshore/crds/wire";
import type { Identity } from "./pki.ts";

export interface EdgeOptions {
  readonly port: number;
  readonly ca: string;
  readonly identity?: Identity;
  readonly node: string;
  readonly negotiate?: boolean;
  readonly headers?: Record<string, string>;
  readonly socket?: ClientOptions;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** One WebSocket of an edge, which records what it gets. */
export class Edge {
  readonly ws: WebSocket;
  readonly frames: Frame[] = [];
  readonly closed: Promise<Closed>;
  readonly opened: Promise<Record<string, unknown>>;
  /** Called for each frame, after it was recorded. */
  onFrame: (frame: Frame) => void = () => undefined;
  /** Called for each binary message. */
  onBinary: (message: Buffer) => void = () => undefined;
  readonly #waiters = new Set<() => void>();

  constructor(options: EdgeOptions) {
    this.ws = new WebSocket(
      `wss://127.0.0.1:${options.port}/e632aba927ea4ac2b575ec1603d56f10/${options.node}/events`,
      {
        ca: options.ca,
        ...options.identity,
        perMessageDeflate: false,
        headers: {
          node_id: options.node,
          project_id: "e632aba927ea4ac2b575ec1603d56f10",
          ConnectionUse: "msg",
          ...(options.negotiate === true ? { "Longshore-Protocol": "1" } : {}),
          ...options.headers,
        },
        ...options.socket,
      },
    );
    let upgrade: Record<string, unknown> = {};
    this.ws.on("upgrade", (response) => (upgrade = response.headers));
    this.opened = new Promise((resolve, reject) => {
      this.ws.on("open", () => resolve(upgrade));
      this.ws.on("error", reject);
    });
    this.opened.catch(() => undefined);
    this.closed = new Promise((resolve) => {
      this.ws.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.ws.on("message", (data: Buffer, isBinary) => {
      if (isBinary) {
        this.onBinary(data);
        return;
      }
      const frame = JSON.parse(data.toString()) as Frame;
      this.frames.push(frame);
      this.onFrame(frame);
      for (const wake of this.#waiters) wake();
    });
  }

  send(frame: Partial<Frame> & { route: Frame["route"] }, id: string = randomUUID()): string {
    this.ws.send(JSON.stringify({ header: { msg_id: id, timestamp: Date.now() }, content: null, ...frame }));
    return id;
  }

  session(operation: string, content: unknown, id?: string): string {
    return this.send(
      { route: { source: "edged", group: SESSION_GROUP, operation, resource: SESSION_RESOURCE }, content },
      id,
    );
  }

  keepalive(): void {
    this.send({
      route: { source: "websocket", group: "resource", resource: "node", operation: "keepalive" },
      content: "ping",
    });
  }

  /** KubeEdge's acknowledgement. */
  ok(frame: Frame): void {
    const header = { msg_id: randomUUID(), parent_msg_id: frame.header.msg_id, timestamp: Date.now() };
    this.send({ header, route: { ...frame.route, operation: "response" }, content: "OK" });
  }

  ack(...frames: Frame[]): void {
    this.session("ack", { ids: frames.map((frame) => frame.header.msg_id) });
  }

  /** Acknowledges every push from now on. */
  ackAll(): void {
    this.onFrame = (frame) => {
      if (!isPush(frame)) return;
      if (this.negotiated) this.ack(frame);
      else this.ok(frame);
    };
    for (const frame of this.frames) this.onFrame(frame);
  }

  negotiated = false;

  /** Says hello and sends the inventory if it is asked for. */
  async greet(items: readonly InventoryItem[] = [], over: Partial<Hello> = {}): Promise<HelloReply> {
    this.negotiated = true;
    const hello: Hello = {
      sessionEpoch: 0,
      clusterEpoch: 1,
      inventoryDigest: inventoryDigest(items),
      inventoryCount: items.length,
      agentVersion: "v1.23.1",
      machineId: "m",
      bootId: "b",
      ...over,
    };
    const id = this.session("hello", hello);
    const reply = await this.frame((frame) => frame.header.parent_msg_id === id);
    const content = reply.content as HelloReply;
    if (content.inventory === "send") this.session("inventory", { part: 0, last: true, items });
    return content;
  }

  pushes(): Frame[] {
    return this.frames.filter(isPush);
  }

  push(resource: string, operation?: string): Promise<Frame> {
    return this.frame(
      (frame) =>
        isPush(frame) &&
        frame.route.resource === resource &&
        (operation === undefined || frame.route.operation === operation),
    );
  }

  /** The first frame that fits, now or later. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame> {
    await this.until(() => this.frames.some(fits));
    return this.frames.find(fits)!;
  }

  async until(holds: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not seen; got ${JSON.stringify(this.frames.map((f) => f.route))}`)),
        20_000,
      );
      const look = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
      look();
    });
  }

  async close(): Promise<void> {
    this.ws.terminate();
    await this.closed;
  }
}

export const isPush = (frame: Frame): boolean =>
  frame.header.parent_msg_id === undefined && frame.route.group === "resource";
