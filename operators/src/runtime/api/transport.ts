// SPDX-License-Identifier: Apache-2.0
import type { KubeConfig } from "@kubernetes/client-node";
import type { RequestOptions } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { Agent, ProxyAgent, type Dispatcher } from "undici";

/** Ready to send: where to, over which connections, with which credentials. */
export interface Route {
  readonly origin: string;
  /** Path that the server's own paths are below, "" for most. */
  readonly basePath: string;
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * "call" takes connections that are kept. "watch" and "fresh" (a call) open one each and keep none: it cannot be
 * one that died with an API server.
 */
export type Use = "call" | "watch" | "fresh";

export interface Transport {
  /** `host:port`, for metrics. */
  readonly host: string;
  /** Connections for calls are limited; each watch has one of its own, so that watches never starve calls. */
  route(use: Use): Promise<Route>;
  /** The server refused our credentials: read them again before the next call. */
  forgetCredentials(): void;
  close(): Promise<void>;
}

export interface TransportOptions {
  /** Connections for calls; more calls wait. Default 64. */
  readonly maxConnections?: number;
  /** Largest answer of a call, in bytes; default 256 MiB. A page of 500 objects is about 2 MiB. */
  readonly maxResponseBytes?: number;
}

type Tls = Pick<ConnectionOptions, "ca" | "cert" | "key" | "servername" | "rejectUnauthorized">;
interface Credentials {
  readonly tls: Tls;
  readonly headers: Record<string, string>;
  readonly readAtMs: number;
}

// client-node reads token and CA files synchronously at each call; a token file changes about hourly.
const CREDENTIALS_MS = 10_000;

/** Connections and credentials as a kubeconfig describes them: certificates, tokens, token files, exec plugins. */
export function createTransport(config: KubeConfig, options: TransportOptions = {}): Transport {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error("kubeconfig names no current cluster");
  const server = new URL(cluster.server);
  const cache = createAgentCache(cluster.proxyUrl, options);
  let credentials: Promise<Credentials> | undefined;

  const current = async (): Promise<Credentials> => {
    const known = await credentials?.catch(() => undefined);
    if (known !== undefined && performance.now() - known.readAtMs < CREDENTIALS_MS) return known;
    credentials = readCredentials(config);
    return credentials;
  };
  return {
    host: server.host,
    async route(use) {
      const { tls, headers } = await current();
      const basePath = server.pathname.replace(/\/+$/, "");
      return { origin: server.origin, basePath, dispatcher: cache.agents(tls)[use], headers };
    },
    forgetCredentials: () => void (credentials = undefined),
    close: () => cache.close(),
  };
}

async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const o: RequestOptions = { headers: {} };
  await config.applyToHTTPSOptions(o);
  const headers = { ...(o.headers as Record<string, string>) };
  if (typeof o.auth === "string")
    headers["Authorization"] = `Basic ${Buffer.from(o.auth).toString("base64")}`;
  const tls: Tls = {
    ...(o.ca !== undefined && { ca: o.ca }),
    ...(o.cert !== undefined && { cert: o.cert }),
    ...(o.key !== undefined && { key: o.key }),
    ...(o.servername !== undefined && { servername: o.servername }),
    ...(o.rejectUnauthorized !== undefined && { rejectUnauthorized: o.rejectUnauthorized }),
  };
  return { tls, headers, readAtMs: performance.now() };
}

type Agents = Readonly<Record<Use, Dispatcher>>;

interface AgentCache {
  agents(tls: Tls): Agents;
  close(): Promise<void>;
}

const NOT_KEPT = { pipelining: 0 }; // undici's way to say so

/** One set of agents as long as certificates stay the same; rotated ones get new connections. */
function createAgentCache(proxyUrl: string | undefined, options: TransportOptions): AgentCache {
  let key = "";
  let known: Tls | undefined;
  let agents: Agents | undefined;
  const limits = {
    connections: options.maxConnections ?? 64,
    maxResponseSize: options.maxResponseBytes ?? 256 * 1024 * 1024,
  };
  const open = (tls: Tls): Agents => ({
    call: createAgent(proxyUrl, tls, limits),
    // A watch is bounded by its longest line instead, see watch.ts.
    watch: createAgent(proxyUrl, tls, { bodyTimeout: 0, ...NOT_KEPT }),
    fresh: createAgent(proxyUrl, tls, { ...limits, ...NOT_KEPT }),
  });
  const closeAgents = async (old: Agents | undefined, how: "close" | "destroy"): Promise<void> => {
    await Promise.all(Object.values(old ?? {}).map((agent) => agent[how]()));
  };
  return {
    agents(tls) {
      if (agents !== undefined && known === tls) return agents;
      known = tls;
      const wanted = JSON.stringify(tls);
      if (agents !== undefined && key === wanted) return agents;
      void closeAgents(agents, "close").catch(() => undefined); // they end when their last call does
      key = wanted;
      agents = open(tls);
      return agents;
    },
    close: () => closeAgents(agents, "destroy"),
  };
}

function createAgent(proxyUrl: string | undefined, secure: Tls, options: Agent.Options): Dispatcher {
  // HTTP/1.1: with HTTP/2 one stuck connection would hold up every watch and call at once.
  const common: Agent.Options = {
    ...options,
    allowH2: false,
    keepAliveTimeout: 30_000,
    connectTimeout: 5_000,
  };
  if (proxyUrl !== undefined && proxyUrl !== "") {
    if (!proxyUrl.startsWith("http"))
      throw new Error("only http and https proxies are supported in a kubeconfig");
    return new ProxyAgent({ ...common, uri: proxyUrl, requestTls: secure });
  }
  return new Agent({ ...common, connect: { ...secure, keepAlive: true, keepAliveInitialDelay: 30_000 } });
}
