// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { inventoryDigest } from "@longshore/crds/wire";
import { Registry } from "prom-client";
import { objectKey } from "../../src/delivery/keys.ts";
import type { Log } from "../../src/delivery/log.ts";
import type { Acked, Mailbox, Owner, Want } from "../../src/delivery/mailbox.ts";
import type { Ref, Scope } from "../../src/delivery/outbox.ts";
import { createCallClient } from "../../src/delivery/redis-client.ts";
import { createRedisLedger, type RedisLedger } from "../../src/delivery/redis-ledger.ts";
import { createRedisMailbox } from "../../src/delivery/redis-mailbox.ts";
import { createRedisOutbox, type RedisOutbox } from "../../src/delivery/redis-outbox.ts";
import type { Waker } from "../../src/delivery/waker.ts";
import type { TestRedis } from "../redis.ts";

export const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A uid that is the same for the same text. */
export const uid = (text: string): string =>
  `${Buffer.from(text.padEnd(4, "_")).toString("hex").slice(0, 8)}-0000-4000-8000-000000000000`;

/** A pod `name` with uid of `id`, at a version whose content is `digest`. */
export const ref = (name: string, id = name, rv = "1", digest = `d${rv}`): Ref => ({
  kind: "pod",
  namespace: "ns",
  name,
  uid: uid(id),
  resourceVersion: rv,
  digest,
});

export interface Call {
  readonly kind: "wake" | "evict" | "placement";
  readonly hub?: string;
  readonly node: string | undefined;
}

/** A waker that writes down what it is told. */
export function recordingWaker(): Waker & { readonly calls: Call[] } {
  const calls: Call[] = [];
  const record = (call: Call): Promise<void> => {
    calls.push(call);
    return Promise.resolve();
  };
  return {
    calls,
    wake: (hub, node) => record({ kind: "wake", hub, node }),
    evict: (hub, node) => record({ kind: "evict", hub, node }),
    requestPlacement: (node) => record({ kind: "placement", node }),
  };
}

/** Outbox and mailbox of one hub on a real Redis, each set under its own prefix. */
export async function openDelivery(
  server: TestRedis,
  options: { hub?: string; scopes?: Scope[]; prefix?: string } = {},
) {
  const redis = createCallClient({ url: server.url });
  redis.on("error", () => undefined);
  await new Promise((resolve) => redis.once("ready", resolve));
  const prefix = options.prefix ?? `t${randomUUID()}`;
  const waker = recordingWaker();
  const registry = new Registry();
  const deps = { redis, prefix, waker, log: silent, registry };
  const outbox: RedisOutbox = createRedisOutbox({ ...deps, restore: () => ledger.restorer() });
  const ledger: RedisLedger = createRedisLedger({
    ...deps,
    watch: { onReplaced: () => undefined },
    requestPlacement: outbox.placementRequested,
  });
  const mailboxOf = (hub: string): Mailbox =>
    createRedisMailbox({
      ...deps,
      hub,
      scopes: options.scopes ?? ["workload"],
      inventoryDigest,
      restoreConfirmMs: 0,
    });
  return {
    ...{ redis, prefix, waker, outbox, ledger, mailboxOf, registry },
    mailbox: mailboxOf(options.hub ?? "hub-0"),
    close: () => redis.disconnect(),
  };
}

export type Delivery = Awaited<ReturnType<typeof openDelivery>>;

export const NEW_EDGE = { sessionEpoch: 0, clusterEpoch: 0 };
const NOTHING: ReadonlySet<string> = new Set();

/** A session that takes and acks like a hub. */
export async function openSession(mailbox: Mailbox, node: string, connection = randomUUID()) {
  const { owner, ...fence } = await mailbox.fence(node, connection, NEW_EDGE);
  return {
    owner,
    fence,
    take: async (limit = 100, inFlight = NOTHING) => (await mailbox.take(node, owner, limit, inFlight)).wants,
    batch: () => mailbox.take(node, owner, 100, NOTHING),
    ack: (...wants: Want[]) => mailbox.ack(node, owner, wants.map(ackOf)),
  };
}

/** Delivers everything that is wanted. */
export async function drain(mailbox: Mailbox, node: string): Promise<Owner> {
  const session = await openSession(mailbox, node);
  for (;;) {
    const wants = await session.take();
    if (wants.length === 0) return session.owner;
    await session.ack(...wants);
  }
}

export const ackOf = ({ field, token, op, uid: id, resourceVersion, digest }: Want): Acked => ({
  ...{ field, token, op, resourceVersion, digest },
  uid: id,
});

/** What a want says, without its token. */
export const told = (want: Want): string =>
  `${want.op} ${want.field.replace(/^workload:/, "")} ${objectKey(want) ? want.digest : ""}`.trim();
