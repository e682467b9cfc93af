// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { Registry } from "prom-client";
import type { HubAddress } from "../../../src/delivery/directory.ts";
import { silentLog, type Clock, type Log } from "../../../src/runtime/index.ts";
import {
  createStreamServer,
  type StreamServer,
  type StreamServerDeps,
  type StreamServerOptions,
} from "../../../src/stream/index.ts";
import { createTestCa, type Identity, type TestCa } from "../../hub/support/pki.ts";
import { FakeCluster } from "./cluster.ts";
import { FakeNode } from "./node.ts";

export const API_SERVER = "kube-apiserver-kubelet-client";

/** One hub's stream room, with all that it needs. */
export interface Hub {
  readonly id: string;
  readonly server: StreamServer;
  readonly registry: Registry;
  readonly nodes: Map<string, FakeNode>;
  /** Nodes with a session but no streams. */
  readonly mute: Set<string>;
  /** A node whose session is here, from now on. */
  node(name: string): FakeNode;
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

export interface RigOptions {
  readonly hubs?: number;
  readonly options?: Partial<StreamServerOptions>;
  readonly deps?: Partial<StreamServerDeps>;
  readonly log?: Log;
  readonly clock?: Clock;
}

export interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

const pki = {
  made: undefined as Promise<Pki> | undefined,
};

export interface Pki {
  readonly hubCa: TestCa;
  readonly clusterCa: TestCa;
  readonly apiServer: Identity;
  readonly server: Identity;
  readonly peer: Identity;
}

/** Certificates for all tests of a file. */
export const testPki = (): Promise<Pki> => (pki.made ??= makePki());

async function makePki(): Promise<Pki> {
  const hubCa = await createTestCa("CN=KubeEdge");
  const clusterCa = await createTestCa("CN=kubernetes");
  return {
    hubCa,
    clusterCa,
    apiServer: await clusterCa.issue({ subject: `O=kubeadm:cluster-admins, CN=${API_SERVER}` }),
    server: await hubCa.server(),
    peer: await hubCa.issue({
      subject: "O=longshore:hubs, CN=hub-x",
      notBefore: new Date(Date.now() - 300_000),
      notAfter: new Date(Date.now() + 86_400_000),
    }),
  };
}

/** Stream rooms of one cluster, and an API server that is the test. */
export class Rig {
  readonly pki: Pki;
  readonly cluster = new FakeCluster();
  readonly hubs: Hub[] = [];
  /** What Redis says of a node; absent: every other hub that has it. */
  hubsOf: ((node: string) => Promise<readonly HubAddress[]>) | undefined;
  readonly #sockets = new Set<{ destroy(): void }>();

  constructor(made: Pki) {
    this.pki = made;
    this.cluster.clientCa(made.clusterCa.cert);
  }

  get hub(): Hub {
    return this.hubs[0]!;
  }

  async add({ options, deps, log, clock }: RigOptions): Promise<Hub> {
    const id = `hub-${this.hubs.length}`;
    const nodes = new Map<string, FakeNode>();
    const mute = new Set<string>();
    const registry = new Registry();
    const server = createStreamServer({
      hub: id,
      tls: { ca: this.pki.hubCa.cert, ...this.pki.server },
      peer: () => this.pki.peer,
      client: this.cluster.client,
      directory: { hubsOf: (node) => this.hubsOf?.(node) ?? Promise.resolve(this.#others(id, node)) },
      openerOf: (node) => nodes.get(node),
      hasSession: (node) => nodes.has(node) || mute.has(node),
      log: log ?? silentLog,
      registry,
      ...(clock === undefined ? {} : { clock }),
      ...deps,
      options: { host: "127.0.0.1", port: 0, ...options },
    });
    const hub: Hub = {
      id,
      server,
      registry,
      nodes,
      mute,
      node: (name) => {
        const node = new FakeNode();
        nodes.set(name, node);
        return node;
      },
      metric: async (name, labels = {}) => {
        const found = await registry.getSingleMetric(name)?.get();
        const values = found?.values ?? [];
        return values
          .filter((value) => Object.entries(labels).every(([key, want]) => value.labels[key] === want))
          .reduce((sum, { value }) => sum + value, 0);
      },
    };
    this.hubs.push(hub);
    await server.start();
    return hub;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const { server } of this.hubs) await server.stop();
  }

  addressOf({ id, server }: Hub): HubAddress {
    return { hub: id, address: `127.0.0.1:${server.port}` };
  }

  /** A GET whose head has come; the body is the test's. */
  async open(
    path: string,
    { hub = this.hub, identity = this.pki.apiServer, headers = {} }: Ask = {},
  ): Promise<IncomingMessage> {
    const request = httpsRequest({
      host: "127.0.0.1",
      port: hub.server.port,
      path,
      headers,
      agent: false,
      ca: this.pki.hubCa.cert,
      ...identity,
    });
    this.#sockets.add(request);
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.on("error", () => undefined);
    return response;
  }

  async get(path: string, ask: Ask = {}): Promise<Answer> {
    const response = await this.open(path, ask);
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    return {
      status: response.statusCode ?? 0,
      type: response.headers["content-type"],
      text: Buffer.concat(parts).toString(),
    };
  }

  /** A TLS connection without a word said on it. */
  async dial({ hub = this.hub, identity = this.pki.apiServer }: Ask = {}): Promise<TLSSocket> {
    const socket = connect({
      host: "127.0.0.1",
      port: hub.server.port,
      ca: this.pki.hubCa.cert,
      ...identity,
    });
    socket.allowHalfOpen = true;
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    await once(socket, "secureConnect");
    return socket;
  }

  /** An upgrade request as the API server sends it. */
  async upgrade(
    path: string,
    { method = "POST", ...ask }: Ask & { method?: string } = {},
  ): Promise<TLSSocket> {
    const socket = await this.dial(ask);
    socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: 10.0.0.1:10003\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
        "X-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n",
    );
    return socket;
  }

  #others(id: string, node: string): HubAddress[] {
    return this.hubs
      .filter((hub) => hub.id !== id && (hub.nodes.has(node) || hub.mute.has(node)))
      .map((hub) => this.addressOf(hub));
  }
}

export interface Ask {
  readonly hub?: Hub;
  readonly identity?: Partial<Identity>;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function createRig(options: RigOptions = {}): Promise<Rig> {
  const rig = new Rig(await testPki());
  for (let i = 0; i < (options.hubs ?? 1); i++) await rig.add(options);
  return rig;
}

/** All that comes until the end. */
export async function readAll(stream: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** Resolves when it is over, well or not. */
export const closed = (stream: Duplex): Promise<void> =>
  new Promise((resolve) => {
    stream.on("error", () => undefined);
    if (stream.closed) resolve();
    else stream.once("close", resolve);
  });

/** The next bytes that come. */
export async function nextText(stream: NodeJS.ReadableStream): Promise<string> {
  const [chunk] = (await once(stream, "data")) as [Buffer];
  return chunk.toString();
}

/** Looks until it holds, for what happens elsewhere in its own time. */
export async function until(holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error("it did not come to hold in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
