// SPDX-License-Identifier: Apache-2.0
import type { Scope } from "./outbox.ts";

/** Redis key of each thing kept for a node; all in one cluster slot through the hash tag `{node}`. */
export interface NodeKeys {
  readonly want: string;
  readonly acked: string;
  readonly owner: string;
  readonly meta: string;
  readonly tunnel: string;
}

/** Names of all keys of ours under one prefix. */
export interface Keyspace {
  node(node: string): NodeKeys;
  /** One shard of the set of known nodes, which cannot live in the nodes' own slots. */
  knownShard(shard: number): string;
  knownShardOf(node: string): string;
  /** One shard of the nodes whose acked objects changed. */
  changedShard(shard: number): string;
  changedShardOf(node: string): string;
  readonly cluster: string;
  readonly generation: string;
  readonly hubs: string;
  heartbeat(hub: string): string;
  /** Nodes that a hub is to look after. */
  woken(hub: string): string;
}

/** Shards of the sets of nodes. */
export const KNOWN_SHARDS = 16;

// FNV-1a: any stable spread will do.
const shardOf = (node: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < node.length; i++) hash = Math.imul(hash ^ node.charCodeAt(i), 0x01000193) >>> 0;
  return hash % KNOWN_SHARDS;
};

/** @param prefix put before every key, so that several installations can share one Redis */
export function createKeyspace(prefix: string): Keyspace {
  const changedShard = (shard: number): string => `${prefix}:changed:${shard}`;
  const knownShard = (shard: number): string => `${prefix}:nodes:${shard}`;
  return {
    node: (node) => ({
      want: `${prefix}:{${node}}:want`,
      acked: `${prefix}:{${node}}:acked`,
      owner: `${prefix}:{${node}}:owner`,
      meta: `${prefix}:{${node}}:meta`,
      tunnel: `${prefix}:{${node}}:tunnel`,
    }),
    knownShard,
    knownShardOf: (node) => knownShard(shardOf(node)),
    changedShard,
    changedShardOf: (node) => changedShard(shardOf(node)),
    cluster: `${prefix}:cluster`,
    generation: `${prefix}:generation`,
    hubs: `${prefix}:hubs`,
    heartbeat: (hub) => `${prefix}:hub:${hub}`,
    woken: (hub) => `${prefix}:woken:${hub}`,
  };
}

/** Identity of an object on the wire: `kind/namespace/name`. */
export interface ObjectKey {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export const objectKey = (object: ObjectKey): string => `${object.kind}/${object.namespace}/${object.name}`;

/** The parts of a field of the mailbox. `uid` is there in the del of a recreated object's old uid. */
export interface Field extends ObjectKey {
  readonly scope: string;
  /** `scope:kind/namespace/name`: the field of `acked` that this want is about. */
  readonly ackedField: string;
}

const FIELD = /^(?<scope>[a-z-]+):(?:(?<key>[^#]+)|del:(?<old>[^#]+)#.*)$/;
const KEY = /^(?<kind>[^/]+)\/(?<namespace>[^/]*)\/(?<name>[^/]+)$/;

/** Reads `scope:kind/ns/name` or `scope:del:kind/ns/name#uid`. Undefined when it is neither. */
export function parseField(field: string): Field | undefined {
  const parsed = FIELD.exec(field)?.groups;
  const key = parsed?.["key"] ?? parsed?.["old"] ?? "";
  const parts = KEY.exec(key)?.groups;
  if (parsed === undefined || parts === undefined) return undefined;
  const scope = String(parsed["scope"]);
  return { ...(parts as unknown as ObjectKey), scope, ackedField: `${scope}:${key}` };
}

const DEVICE_KINDS: ReadonlySet<string> = new Set(["device", "devicemodel"]);
const JOB_KINDS: ReadonlySet<string> = new Set(["nodeupgradejob", "imageprepulljob", "configupdatejob"]);
const RULE_KINDS: ReadonlySet<string> = new Set(["rule", "ruleendpoint"]);

/**
 * The scope that answers for a kind found in an edge's inventory. What nobody knows falls to `workload`, whose
 * placement then takes it away.
 */
export function scopeOfKind(kind: string): Scope {
  if (DEVICE_KINDS.has(kind)) return "device";
  if (JOB_KINDS.has(kind)) return "job";
  return RULE_KINDS.has(kind) ? "rule" : "workload";
}
