// SPDX-License-Identifier: Apache-2.0
import type { Redis } from "ioredis";
import type { Directory, HubAddress } from "./directory.ts";
import { createKeyspace, type Keyspace } from "./keys.ts";
import type { Log } from "./log.ts";
import { createScripts, type Scripts } from "./scripts.ts";

export interface RedisDirectoryDeps {
  readonly redis: Redis;
  readonly prefix: string;
  readonly hub: string;
  readonly log: Log;
  /** Puts the address into this hub's heartbeat. */
  readonly announce: (address: string) => void;
  /** default 5 s: how soon what Redis did not take is written again */
  readonly settleIntervalMs?: number;
  /** default 30 s: how often every tunnel of this hub is written again, whatever Redis did meanwhile */
  readonly renewIntervalMs?: number;
}

/** The directory on Redis, which has to be told when it begins and ends. */
export interface RedisDirectory extends Directory {
  start(): void;
  /** Writes every tunnel again, soon: Redis was replaced. */
  renew(): void;
  stop(): void;
}

interface Tunnel {
  readonly connection: string;
  /** When it began, as Redis told; "0" before it did. */
  since: string;
  isWritten: boolean;
}

interface Parts {
  readonly deps: RedisDirectoryDeps;
  readonly keys: Keyspace;
  readonly scripts: Scripts;
  readonly tunnels: Map<string, Tunnel>;
}

const DEFAULT_SETTLE_MS = 5000;
const DEFAULT_RENEW_MS = 30_000;
/** Tunnels that are written at once. */
const WRITES = 256;

/**
 * Who holds which node, on Redis. What a hub holds it knows itself: it is written again until Redis has it, for a
 * node may be deleted and registered anew, or Redis emptied, under a tunnel that lives on.
 */
export function createRedisDirectory(deps: RedisDirectoryDeps): RedisDirectory {
  const tunnels = new Map<string, Tunnel>();
  const parts = { deps, tunnels, keys: createKeyspace(deps.prefix), scripts: createScripts(deps.redis) };
  const timers: NodeJS.Timeout[] = [];
  const renew = (): void => {
    for (const tunnel of tunnels.values()) tunnel.isWritten = false;
  };
  let settling: Promise<void> | undefined;
  const settleOnce = (): void => {
    settling ??= settle(parts).finally(() => (settling = undefined));
  };
  return {
    announce: deps.announce,
    hubsOf: (node) => hubsOf(parts, node),
    async holdTunnel(node, connection) {
      const tunnel = { connection, since: "0", isWritten: false };
      tunnels.set(node, tunnel);
      await write(parts, node, tunnel);
    },
    async releaseTunnel(node, connection) {
      if (tunnels.get(node)?.connection === connection) tunnels.delete(node);
      await parts.scripts.releaseTunnel([parts.keys.node(node).tunnel], [`${deps.hub} ${connection}`]);
    },
    start() {
      timers.push(setInterval(settleOnce, deps.settleIntervalMs ?? DEFAULT_SETTLE_MS).unref());
      timers.push(setInterval(renew, deps.renewIntervalMs ?? DEFAULT_RENEW_MS).unref());
    },
    renew() {
      renew();
      settleOnce();
    },
    stop() {
      for (const timer of timers.splice(0)) clearInterval(timer);
    },
  };
}

async function hubsOf({ deps, keys, scripts }: Parts, node: string): Promise<readonly HubAddress[]> {
  const { tunnel, owner } = keys.node(node);
  const reply = await scripts.hubsOf([tunnel, owner], [deps.hub, keys.heartbeat("")]);
  const hubs: HubAddress[] = [];
  for (let i = 0; i + 1 < reply.length; i += 2)
    hubs.push({ hub: String(reply[i]), address: String(reply[i + 1]) });
  return hubs;
}

async function write(parts: Parts, node: string, tunnel: Tunnel): Promise<void> {
  const { deps, keys, scripts, tunnels } = parts;
  const mine = `${deps.hub} ${tunnel.connection}`;
  const since = await scripts.holdTunnel([keys.node(node).tunnel], [mine, tunnel.since]);
  tunnel.since = since.toString();
  tunnel.isWritten = true;
  // Released or taken over here while Redis was asked: what was written last would stand.
  if (tunnels.get(node) !== tunnel) await scripts.releaseTunnel([keys.node(node).tunnel], [mine]);
}

/** Writes what Redis does not have yet. Stops at the first failure: the next round goes on. */
async function settle(parts: Parts): Promise<void> {
  const { log, redis } = parts.deps;
  if (redis.status !== "ready") return;
  const missing = [...parts.tunnels].filter(([, tunnel]) => !tunnel.isWritten);
  try {
    for (let i = 0; i < missing.length; i += WRITES) {
      const some = missing
        .slice(i, i + WRITES)
        .filter(([node, tunnel]) => parts.tunnels.get(node) === tunnel);
      await Promise.all(some.map(([node, tunnel]) => write(parts, node, tunnel)));
    }
  } catch (error) {
    log.warn({ tunnels: missing.length, err: error }, "stream tunnels not recorded, tried again");
  }
}
