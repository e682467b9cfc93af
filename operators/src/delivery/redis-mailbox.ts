// SPDX-License-Identifier: Apache-2.0
import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import { DeliveryError } from "./errors.ts";
import { createKeyspace, parseField, scopeOfKind, type Keyspace } from "./keys.ts";
import type { Log } from "./log.ts";
import type { Acked, Batch, Fence, InventoryEntry, Mailbox, Owner, Want } from "./mailbox.ts";
import { createDeliveryMetrics, type DeliveryMetrics } from "./metrics.ts";
import type { Scope } from "./outbox.ts";
import { checkHubId, formatOwner, parseOwner } from "./owner.ts";
import { orUnavailable } from "./redis-client.ts";
import { createScripts, type Argument, type FenceReply, type Scripts } from "./scripts.ts";
import { decodeBody, decodeWant, encodeBody, encodeToken } from "./values.ts";
import type { Waker } from "./waker.ts";

/** [key, uid, resourceVersion, digest], as the wire's `inventoryDigest()` takes it. */
export type AckedItem = readonly [key: string, uid: string, resourceVersion: string, digest: string];

export interface RedisMailboxDeps {
  readonly redis: Redis;
  /** put before every key */
  readonly prefix: string;
  /** Stable id of this hub, for example its StatefulSet pod name. */
  readonly hub: string;
  /** Scopes that some controller places. A node is not complete before each was placed. */
  readonly scopes: readonly Scope[];
  readonly waker: Waker;
  readonly log: Log;
  readonly registry: Registry;
  /** The wire's digest of an inventory, so that what is recorded here compares with an edge's hello. */
  readonly inventoryDigest: (items: readonly AckedItem[]) => string;
  /** default 10,000 entries of an inventory; more is refused with LIMIT */
  readonly maxInventory?: number;
  /** default 10 s: longer than a read of the API server takes, see lua/node.ts OBSERVE */
  readonly restoreConfirmMs?: number;
}

interface Parts {
  readonly deps: RedisMailboxDeps;
  readonly keys: Keyspace;
  readonly scripts: Scripts;
  readonly metrics: DeliveryMetrics;
}

const DEFAULT_MAX_INVENTORY = 10_000;
const DEFAULT_RESTORE_CONFIRM_MS = 10_000;
// An edge that tells more is wrong, and would leave no room to count on.
const MAX_SESSION_EPOCH = 2 ** 48;
const MAX_CLUSTER_EPOCH = 2 ** 31;

/** The hub's side of delivery on Redis. @throws {RangeError} when the hub's id is unusable */
export function createRedisMailbox(deps: RedisMailboxDeps): Mailbox {
  checkHubId(deps.hub);
  const metrics = createDeliveryMetrics(deps.registry);
  const parts: Parts = {
    deps,
    metrics,
    keys: createKeyspace(deps.prefix),
    scripts: createScripts(deps.redis),
  };
  return {
    fence: (node, connection, edge) => fence(parts, { node, connection, ...edge }),
    async release(node, owner) {
      await parts.scripts.release([parts.keys.node(node).owner], [formatOwner(owner)]);
    },
    take: (node, owner, limit, inFlight) => take(parts, { node, owner, limit, inFlight }),
    ack: (node, owner, acked) => ack(parts, node, owner, acked),
    replaceAcked: (node, owner, inventory) => replaceAcked(parts, node, owner, inventory),
    clearAcked: (node) => unplace(parts, node, { clear: true }),
    requestPlacement: (node) => unplace(parts, node, { clear: false }),
    names: (node, scope, kinds) => namesOf(parts, { node, scope, kinds }),
    observeResourceVersion: (resourceVersion) => observe(parts, resourceVersion),
  };
}

interface FenceCall {
  readonly node: string;
  readonly connection: string;
  readonly sessionEpoch: number;
  readonly clusterEpoch: number;
}

async function fence(parts: Parts, call: FenceCall): Promise<Fence> {
  const { deps, scripts, keys } = parts;
  const { acked, owner, meta } = keys.node(call.node);
  const epochs = [
    boundedEpoch(parts, call.sessionEpoch, MAX_SESSION_EPOCH),
    boundedEpoch(parts, call.clusterEpoch, MAX_CLUSTER_EPOCH),
  ];
  const [reply, clusterEpoch] = await Promise.all([
    scripts.fence([acked, owner, meta], [deps.hub, call.connection, epochs[0] ?? 0, ...deps.scopes]),
    scripts.joinEpoch([keys.cluster], [epochs[1] ?? 0]),
  ]);
  const previous = parseOwner(reply[0].toString());
  await settleFence(parts, call.node, reply, previous);
  const items = ackedItems(reply[4]);
  return {
    owner: { hub: deps.hub, connection: call.connection, sessionEpoch: Number(reply[1].toString()) },
    clusterEpoch,
    ackedDigest: deps.inventoryDigest(items),
    ackedCount: items.length,
    ...(previous ? { previous } : {}),
  };
}

// The session is taken by now: what follows may fail without harm, for a rescan makes up for it.
async function settleFence(
  parts: Parts,
  node: string,
  reply: FenceReply,
  previous: Owner | undefined,
): Promise<void> {
  const { deps, keys } = parts;
  if (reply[3] === 1) {
    await attempt(parts, node, "remember", async () => {
      await deps.redis.sadd(keys.knownShardOf(node), node);
      await deps.redis.hset(keys.node(node).meta, "known", 1);
    });
  }
  if (previous) await attempt(parts, node, "evict", () => deps.waker.evict(previous.hub, node, previous));
  if (reply[2] === 1) await attempt(parts, node, "placement", () => deps.waker.requestPlacement(node));
}

async function attempt(parts: Parts, node: string, kind: string, call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    parts.metrics.wakeFailures.inc({ kind });
    parts.deps.log.warn({ node, kind, err: error }, "message of delivery not sent");
  }
}

function boundedEpoch(parts: Parts, epoch: number, max: number): number {
  if (Number.isSafeInteger(epoch) && epoch >= 0 && epoch <= max) return epoch;
  parts.metrics.oddEpochs.inc();
  return 0;
}

function ackedItems(flat: readonly Buffer[]): AckedItem[] {
  const items: AckedItem[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const field = parseField((flat[i] ?? Buffer.alloc(0)).toString());
    const version = decodeBody(flat[i + 1] ?? Buffer.alloc(0));
    if (field) items.push([keyOf(field.ackedField), version.uid, version.resourceVersion, version.digest]);
  }
  return items;
}

const keyOf = (ackedField: string): string => ackedField.slice(ackedField.indexOf(":") + 1);

interface TakeCall {
  readonly node: string;
  readonly owner: Owner;
  readonly limit: number;
  readonly inFlight: ReadonlySet<string>;
}

async function take(parts: Parts, call: TakeCall): Promise<Batch> {
  const { scopes } = parts.deps;
  const { want, acked, owner, meta } = parts.keys.node(call.node);
  const args = [formatOwner(call.owner), call.limit, scopes.length, ...scopes, ...call.inFlight];
  const reply = await parts.scripts.take([want, acked, owner, meta], args);
  if (reply[0] === -1) throw notOwner(parts);
  const placementPending = reply[2] === 1;
  // Nobody may have heard the first request: ask again, deduplicated by node.
  if (placementPending)
    await attempt(parts, call.node, "placement", () => parts.deps.waker.requestPlacement(call.node));
  return { wants: wantsOf(reply), total: Number(reply[1]), placementPending };
}

function wantsOf(reply: readonly (number | Buffer)[]): Want[] {
  const wants: Want[] = [];
  for (let i = 3; i + 2 < reply.length; i += 3) {
    const field = String(reply[i]);
    const parsed = parseField(field);
    const value = reply[i + 1];
    if (!parsed || !Buffer.isBuffer(value)) continue;
    const { scope, kind, namespace, name } = parsed;
    wants.push({ field, scope, kind, namespace, name, ...decodeWant(value), fresh: reply[i + 2] === 1 });
  }
  return wants;
}

function notOwner(parts: Parts): DeliveryError {
  parts.metrics.refused.inc({ code: "NOT_OWNER" });
  return new DeliveryError("NOT_OWNER", "somebody else holds the session");
}

async function ack(parts: Parts, node: string, owner: Owner, acked: readonly Acked[]): Promise<void> {
  if (acked.length === 0) return;
  const keys = parts.keys.node(node);
  const args = acked.flatMap((a): Argument[] => [
    a.field,
    encodeToken(a.token),
    a.op === "del" ? "d" : "p",
    encodeBody(a),
  ]);
  const unasked = await parts.scripts.ack(
    [keys.want, keys.acked, keys.owner, keys.meta, parts.keys.changedShardOf(node)],
    [formatOwner(owner), node, ...args],
  );
  if (unasked === -1) throw notOwner(parts);
  if (unasked > 0) await attempt(parts, node, "placement", () => parts.deps.waker.requestPlacement(node));
}

async function replaceAcked(
  parts: Parts,
  node: string,
  owner: Owner,
  inventory: readonly InventoryEntry[],
): Promise<void> {
  const { deps } = parts;
  if (inventory.length > (deps.maxInventory ?? DEFAULT_MAX_INVENTORY)) {
    parts.metrics.refused.inc({ code: "LIMIT" });
    throw new DeliveryError("LIMIT", `an inventory of ${inventory.length} entries is too long`);
  }
  const keys = parts.keys.node(node);
  const entries = inventory.flatMap((e): Argument[] => [
    `${scopeOfKind(e.key.split("/")[0] ?? "")}:${e.key}`,
    encodeBody(e),
  ]);
  const args = [formatOwner(owner), node, deps.scopes.length, ...deps.scopes, ...entries];
  const satisfied = await parts.scripts.replaceAcked(
    [keys.want, keys.acked, keys.owner, keys.meta, parts.keys.changedShardOf(node)],
    args,
  );
  if (satisfied === -1) throw notOwner(parts);
  await attempt(parts, node, "placement", () => deps.waker.requestPlacement(node));
}

async function unplace(parts: Parts, node: string, { clear }: { clear: boolean }): Promise<void> {
  const { acked, meta } = parts.keys.node(node);
  await parts.scripts.unplace(
    [acked, meta, parts.keys.changedShardOf(node)],
    [clear ? 1 : 0, node, ...parts.deps.scopes],
  );
  await orUnavailable(() => parts.deps.waker.requestPlacement(node));
}

interface NamesCall {
  readonly node: string;
  readonly scope: Scope;
  readonly kinds: ReadonlySet<string>;
}

// What is acked between the two reads was wanted in the first.
async function namesOf({ deps, keys }: Parts, { node, scope, kinds }: NamesCall): Promise<readonly string[]> {
  const { want, acked } = keys.node(node);
  const fields = await orUnavailable(async () => [
    ...(await deps.redis.hkeys(want)),
    ...(await deps.redis.hkeys(acked)),
  ]);
  const found = fields.flatMap((field) => parseField(field) ?? []);
  const asked = found.filter((field) => field.scope === scope && kinds.has(field.kind));
  return [...new Set(asked.map(({ name }) => name))];
}

async function observe(parts: Parts, resourceVersion: string): Promise<number> {
  const confirmMs = parts.deps.restoreConfirmMs ?? DEFAULT_RESTORE_CONFIRM_MS;
  const [epoch, raised] = await parts.scripts.observe([parts.keys.cluster], [resourceVersion, confirmMs]);
  if (raised === 1) {
    parts.metrics.epochsRaised.inc();
    parts.deps.log.warn({ epoch, resourceVersion }, "the API server went back in time, cluster epoch raised");
    await orUnavailable(() => parts.deps.waker.requestPlacement(undefined));
  }
  return epoch;
}
