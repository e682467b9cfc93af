// SPDX-License-Identifier: Apache-2.0
import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import { KNOWN_SHARDS, createKeyspace, objectKey, parseField, scopeOfKind, type Keyspace } from "./keys.ts";
import type { Ledger, LedgerEntry, LedgerRecord, LedgerState } from "./ledger.ts";
import type { Log } from "./log.ts";
import { createDeliveryMetrics } from "./metrics.ts";
import { orUnavailable } from "./redis-client.ts";
import type { RedisWatch } from "./redis-watch.ts";
import { createScripts, type Argument, type Scripts } from "./scripts.ts";
import { decodeBody, encodeBody } from "./values.ts";

export interface RedisLedgerDeps {
  readonly redis: Redis;
  /** put before every key */
  readonly prefix: string;
  readonly log: Log;
  readonly registry: Registry;
  readonly watch: Pick<RedisWatch, "onReplaced">;
  /** Asks the controllers of this process for a fresh placement. */
  readonly requestPlacement: (node: string) => void;
  /** default 500: nodes of one batch of changed ones */
  readonly batch?: number;
}

/** The ledger on Redis, and what the outbox restores by. */
export interface RedisLedger extends Ledger {
  /** Undefined until somebody said with `onLost` that there are records. */
  restorer(): ((node: string) => Promise<void>) | undefined;
}

const DEFAULT_BATCH = 500;
/** Only the version is known; the next sync that wants just this version fills it in. */
const NO_DIGEST = "";
/** The content of no object: whatever is wanted is another one. */
const DOUBTED = "?";
/** Reply of READ_ACKED. */
const [UNKNOWN, FORMER] = [0, 2];

export function createRedisLedger(deps: RedisLedgerDeps): RedisLedger {
  const keys = createKeyspace(deps.prefix);
  const scripts = createScripts(deps.redis);
  const metrics = createDeliveryMetrics(deps.registry);
  let recordsOf: ((node: string) => readonly LedgerRecord[]) | undefined;

  async function restoreAcked(node: string, records: readonly LedgerRecord[]): Promise<number> {
    const { acked, meta } = keys.node(node);
    const restored = await scripts.restore([acked, meta], records.flatMap(restoredEntry));
    if (restored === 0) return 0;
    metrics.restored.inc(restored);
    deps.log.info({ node, restored }, "what the node had acked was restored from its records");
    deps.requestPlacement(node);
    return restored;
  }

  async function doubt(node: string, mark: string, objects: readonly LedgerRecord[]): Promise<boolean> {
    const { acked, meta } = keys.node(node);
    const entries = objects.flatMap((object) => restoredEntry({ ...object, digest: DOUBTED }));
    const isDone =
      (await scripts.doubt([acked, meta, keys.changedShardOf(node)], [node, mark, ...entries])) === 1;
    if (!isDone || objects.length === 0) return isDone;
    metrics.doubted.inc(objects.length);
    deps.log.info(
      { node, doubted: objects.length },
      "what the node had acked is in doubt, it is made sure of",
    );
    deps.requestPlacement(node);
    return true;
  }

  return {
    changedNodes: () => changedNodes(deps, keys),
    acked: (node) => readAcked(scripts, keys, node),
    settle: async (node, mark) => (await scripts.settle([keys.changedShardOf(node)], [node, mark])) === 1,
    restoreAcked,
    doubt,
    onLost: (handler) => void (recordsOf = handler),
    onReplaced: (handler) => deps.watch.onReplaced(handler),
    restorer() {
      const records = recordsOf;
      return (
        records &&
        (async (node) => {
          await restoreAcked(node, records(node));
        })
      );
    },
  };
}

const restoredEntry = (record: LedgerRecord): Argument[] => [
  `${scopeOfKind(record.kind)}:${objectKey(record)}`,
  encodeBody({ digest: NO_DIGEST, ...record }),
];

async function* changedNodes(deps: RedisLedgerDeps, keys: Keyspace): AsyncGenerator<readonly string[]> {
  for (let shard = 0; shard < KNOWN_SHARDS; shard++) {
    let cursor = "0";
    do {
      const from = cursor;
      const [next, flat] = await orUnavailable(() =>
        deps.redis.hscan(keys.changedShard(shard), from, "COUNT", deps.batch ?? DEFAULT_BATCH),
      );
      const nodes = flat.filter((_, i) => i % 2 === 0);
      if (nodes.length > 0) yield nodes;
      cursor = next;
    } while (cursor !== "0");
  }
}

async function readAcked(scripts: Scripts, keys: Keyspace, node: string): Promise<LedgerState> {
  const { acked, meta } = keys.node(node);
  const [mark, established, flat] = await scripts.readAcked([acked, meta, keys.changedShardOf(node)], [node]);
  return {
    ...{ mark: mark.toString(), entries: entriesOf(flat) },
    ...{ isEstablished: established !== UNKNOWN, isFormer: established === FORMER },
  };
}

function entriesOf(flat: readonly Buffer[]): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const field = parseField((flat[i] ?? Buffer.alloc(0)).toString());
    if (!field) continue;
    const { uid, resourceVersion, digest } = decodeBody(flat[i + 1] ?? Buffer.alloc(0));
    const { scope, kind, namespace, name } = field;
    entries.push({
      ...{ scope, kind, namespace, name, uid, resourceVersion },
      ...(digest !== NO_DIGEST && digest !== DOUBTED && { digest }),
    });
  }
  return entries;
}
