// SPDX-License-Identifier: Apache-2.0
import type { Redis } from "ioredis";
import { HOLD_TUNNEL, HUBS_OF, RELEASE_TUNNEL } from "./lua/directory.ts";
import { DOUBT, READ_ACKED, RESTORE, SETTLE } from "./lua/ledger.ts";
import { FORGET, JOIN_EPOCH, OBSERVE, UNPLACE } from "./lua/node.ts";
import { ACK, FENCE, RELEASE, REPLACE_ACKED, TAKE } from "./lua/session.ts";
import { STANDING } from "./lua/standing.ts";
import { SYNC } from "./lua/sync.ts";
import { orUnavailable } from "./redis-client.ts";

export type Argument = string | number | Buffer;

/** One atomic step: keys and arguments to the reply, whose strings are Buffers. */
type Step<Reply> = (keys: readonly string[], args: readonly Argument[]) => Promise<Reply>;

/** A reply to SYNC, see lua/sync.ts. */
export type SyncReply =
  readonly [number, number, number, Buffer, number, number] | readonly [-1, number] | readonly [-2];
/** A reply to READ_ACKED, see lua/ledger.ts. */
export type AckedReply = readonly [Buffer, number, readonly Buffer[]];
/** A reply to FENCE, see lua/session.ts. */
export type FenceReply = readonly [Buffer, Buffer, number, number, readonly Buffer[]];

/** A reply to STANDING, see lua/standing.ts. */
export type StandingReply = readonly [number, number, ...(Buffer | number)[]];

export interface Scripts {
  readonly sync: Step<SyncReply>;
  readonly standing: Step<StandingReply>;
  readonly forget: Step<readonly [number, Buffer | number]>;
  readonly unplace: Step<number>;
  readonly fence: Step<FenceReply>;
  readonly release: Step<number>;
  readonly take: Step<readonly (number | Buffer)[]>;
  readonly ack: Step<number>;
  readonly replaceAcked: Step<number>;
  readonly readAcked: Step<AckedReply>;
  readonly settle: Step<number>;
  readonly restore: Step<number>;
  readonly doubt: Step<number>;
  readonly joinEpoch: Step<number>;
  readonly observe: Step<readonly [number, number]>;
  readonly hubsOf: Step<readonly Buffer[]>;
  readonly holdTunnel: Step<Buffer>;
  readonly releaseTunnel: Step<number>;
}

function bind<Reply>(redis: Redis, name: string, lua: string): Step<Reply> {
  const command = `longshore:${name}`;
  redis.defineCommand(command, { lua });
  // ioredis adds a method of the given name, and one whose replies are Buffers; the types cannot know them.
  const run = Reflect.get(redis, `${command}Buffer`) as (...args: Argument[]) => Promise<Reply>;
  return (keys, args) => orUnavailable(() => run.call(redis, keys.length, ...keys, ...args));
}

/** Binds the scripts to one connection. They are sent once and then called by hash. */
export const createScripts = (redis: Redis): Scripts => ({
  sync: bind(redis, "sync", SYNC),
  standing: bind(redis, "standing", STANDING),
  forget: bind(redis, "forget", FORGET),
  unplace: bind(redis, "unplace", UNPLACE),
  fence: bind(redis, "fence", FENCE),
  release: bind(redis, "release", RELEASE),
  take: bind(redis, "take", TAKE),
  ack: bind(redis, "ack", ACK),
  replaceAcked: bind(redis, "replaceAcked", REPLACE_ACKED),
  readAcked: bind(redis, "readAcked", READ_ACKED),
  settle: bind(redis, "settle", SETTLE),
  restore: bind(redis, "restore", RESTORE),
  doubt: bind(redis, "doubt", DOUBT),
  joinEpoch: bind(redis, "joinEpoch", JOIN_EPOCH),
  observe: bind(redis, "observe", OBSERVE),
  hubsOf: bind(redis, "hubsOf", HUBS_OF),
  holdTunnel: bind(redis, "holdTunnel", HOLD_TUNNEL),
  releaseTunnel: bind(redis, "releaseTunnel", RELEASE_TUNNEL),
});
