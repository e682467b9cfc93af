// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import { DeliveryError } from "./errors.ts";
import { KNOWN_SHARDS, createKeyspace, objectKey, type Keyspace } from "./keys.ts";
import type { Log } from "./log.ts";
import type { Owner } from "./mailbox.ts";
import { createDeliveryMetrics, type DeliveryMetrics } from "./metrics.ts";
import type { Outbox, Ref, Scope, SyncResult } from "./outbox.ts";
import { parseOwner } from "./owner.ts";
import { orUnavailable } from "./redis-client.ts";
import { createScripts, type Argument, type Scripts, type SyncReply } from "./scripts.ts";
import { readStanding } from "./standing.ts";
import { encodeBody } from "./values.ts";
import type { Waker } from "./waker.ts";

export interface RedisOutboxDeps {
  readonly redis: Redis;
  /** put before every key */
  readonly prefix: string;
  readonly waker: Waker;
  readonly log: Log;
  readonly registry: Registry;
  /** Restores what a node acked when Redis knows nothing of it; undefined while nobody has records of that. */
  readonly restore?: () => ((node: string) => Promise<void>) | undefined;
  /** default 5,000 references of one scope of one node; more is refused with LIMIT */
  readonly maxRefs?: number;
}

/** The outbox on Redis, and the way in for those who want a placement. */
export interface RedisOutbox extends Outbox {
  /** Calls the handlers of `onPlacementRequest`. */
  readonly placementRequested: (node: string | undefined) => void;
}

interface Parts {
  readonly deps: RedisOutboxDeps;
  readonly keys: Keyspace;
  readonly scripts: Scripts;
  readonly metrics: DeliveryMetrics;
}

const TOKEN_BYTES = 8;
const DEFAULT_MAX_REFS = 5000;

export function createRedisOutbox(deps: RedisOutboxDeps): RedisOutbox {
  const metrics = createDeliveryMetrics(deps.registry);
  const parts: Parts = {
    deps,
    metrics,
    keys: createKeyspace(deps.prefix),
    scripts: createScripts(deps.redis),
  };
  const handlers: ((node: string | undefined) => void)[] = [];
  return {
    sync: (node, scope, refs, term) => sync(parts, { node, scope, refs, term }),
    standing: (node, scope, objects) => readStanding(parts, { node, scope, objects }),
    forget: (node, term) => forget(parts, node, term),
    knownNodes: () => knownNodes(parts),
    onPlacementRequest: (handler) => void handlers.push(handler),
    placementRequested: (node) => handlers.forEach((handler) => handler(node)),
  };
}

interface SyncCall {
  readonly node: string;
  readonly scope: Scope;
  readonly refs: readonly Ref[];
  readonly term: number;
}

async function sync(parts: Parts, call: SyncCall): Promise<SyncResult> {
  const refs = encodeRefs(parts, call);
  const { want, acked, owner, meta } = parts.keys.node(call.node);
  const restore = parts.deps.restore?.();
  const args = [call.scope, call.term, randomBytes(TOKEN_BYTES), restore ? 1 : 0, ...refs];
  const step = (): Promise<SyncReply> => parts.scripts.sync([want, acked, owner, meta], args);
  let reply = await step();
  if (reply[0] === LOST && restore) {
    await restore(call.node);
    reply = await step();
  }
  const [, puts, dels, hub, hasWork, unknown] = ifFresh(parts, reply);
  parts.metrics.puts.inc(puts);
  parts.metrics.dels.inc(dels);
  if (unknown === 1) await remember(parts, call.node);
  const ownerHub = hub.toString();
  if (ownerHub === "") return { puts, dels };
  if (hasWork === 1) await parts.deps.waker.wake(ownerHub, call.node);
  return { puts, dels, owner: ownerHub };
}

type FreshReply = Extract<SyncReply, { readonly length: 6 }>;

/** Reply of a sync that needs acked to be established first. */
const LOST = -2;

function ifFresh(parts: Parts, reply: SyncReply): FreshReply {
  if (reply[0] === -1) throw staleTerm(parts, reply[1]);
  if (reply[0] === LOST) throw new DeliveryError("UNAVAILABLE", "Redis was emptied again just now");
  return reply as FreshReply;
}

function encodeRefs(parts: Parts, call: SyncCall): Argument[] {
  const limit = parts.deps.maxRefs ?? DEFAULT_MAX_REFS;
  if (call.refs.length > limit) {
    throw refusal(
      parts,
      "LIMIT",
      `${call.refs.length} references are more than the ${limit} that a node may hold`,
    );
  }
  // A key given twice would be wanted twice: the last one counts.
  const bodies = new Map(call.refs.map((ref) => [objectKey(ref), encodeBody(ref)]));
  return [...bodies].flat();
}

function refusal(parts: Parts, code: "LIMIT" | "STALE_TERM", message: string): DeliveryError {
  parts.metrics.refused.inc({ code });
  return new DeliveryError(code, message);
}

const staleTerm = (parts: Parts, seen: number): DeliveryError =>
  refusal(parts, "STALE_TERM", `a leader of term ${seen} has written here`);

// The mark is set after the node is in the set: a crash in between only repeats the step.
async function remember(parts: Parts, node: string): Promise<void> {
  await orUnavailable(() => parts.deps.redis.sadd(parts.keys.knownShardOf(node), node));
  await orUnavailable(() => parts.deps.redis.hset(parts.keys.node(node).meta, "known", 1));
}

async function forget(parts: Parts, node: string, term: number): Promise<void> {
  const { want, acked, owner, meta, tunnel } = parts.keys.node(node);
  const [code, detail] = await parts.scripts.forget(
    [want, acked, owner, meta, parts.keys.changedShardOf(node), tunnel],
    [term, node],
  );
  if (code === -1) throw staleTerm(parts, Number(detail));
  if (code === 1) return;
  await orUnavailable(() => parts.deps.redis.srem(parts.keys.knownShardOf(node), node));
  const previous = parseOwner(detail.toString());
  if (previous) await evict(parts, node, previous);
}

async function evict(parts: Parts, node: string, owner: Owner): Promise<void> {
  try {
    await parts.deps.waker.evict(owner.hub, node, owner);
  } catch (error) {
    // The session notices at its next step that it holds nothing any more.
    parts.metrics.wakeFailures.inc({ kind: "evict" });
    parts.deps.log.warn({ node, err: error }, "evict not sent");
  }
}

async function* knownNodes(parts: Parts): AsyncGenerator<string> {
  for (let shard = 0; shard < KNOWN_SHARDS; shard++) {
    let cursor = "0";
    do {
      const from = cursor;
      const [next, nodes] = await orUnavailable(() =>
        parts.deps.redis.sscan(parts.keys.knownShard(shard), from, "COUNT", 500),
      );
      yield* nodes;
      cursor = next;
    } while (cursor !== "0");
  }
}
