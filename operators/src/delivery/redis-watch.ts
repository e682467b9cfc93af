// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import { createKeyspace } from "./keys.ts";
import type { Log } from "./log.ts";
import { createDeliveryMetrics } from "./metrics.ts";

export interface RedisWatchDeps {
  readonly redis: Redis;
  readonly prefix: string;
  readonly log: Log;
  readonly registry: Registry;
  /** default 5 s: how often the generation is read, which a wiped Redis has lost */
  readonly checkIntervalMs?: number;
  /** default 6 h: everything is compared after that time, whatever Redis says */
  readonly fullIntervalMs?: number;
}

/** Watches whether Redis is still the one that was written to. */
export interface RedisWatch {
  /** `reason`: "replaced" when writes may be lost, "timer" for the comparison that runs anyway. */
  onReplaced(handler: (reason: "replaced" | "timer") => void): void;
  start(): void;
  /** Reads what Redis is, now. Rejects when it cannot be read. */
  check(): Promise<void>;
  stop(): void;
}

const DEFAULT_CHECK_MS = 5000;
const DEFAULT_FULL_MS = 6 * 3600 * 1000;
/** What the key `hash-max-listpack-value` should be at least: mailboxes of longer names leave the compact encoding. */
const LISTPACK_VALUE = 256;

/** It could not be asked when we connected. */
const UNKNOWN = "";

/** Run id and replication id of an INFO answer. */
function identityOf(info: string): string {
  const field = (name: string): string => new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1]?.trim() ?? "";
  return `${field("run_id")} ${field("master_replid")}`;
}

/**
 * Redis is checked, not trusted: run id, replication id and a generation of ours are read at each connect, the
 * generation every few seconds. Any change means that acknowledged writes may be lost.
 */
export function createRedisWatch(deps: RedisWatchDeps): RedisWatch {
  const { redis, log } = deps;
  const { generation: key } = createKeyspace(deps.prefix);
  const metrics = createDeliveryMetrics(deps.registry);
  const handlers: ((reason: "replaced" | "timer") => void)[] = [];
  const timers: NodeJS.Timeout[] = [];
  let identity: string | undefined;
  let generation: string | undefined;

  const emit = (reason: "replaced" | "timer"): void => handlers.forEach((handler) => handler(reason));

  async function readGeneration(): Promise<string> {
    const found = await redis.get(key);
    if (found !== null) return found;
    await redis.set(key, randomUUID(), "NX");
    return (await redis.get(key)) ?? "";
  }

  async function check({ connected }: { connected: boolean }): Promise<void> {
    const seen = connected || identity === UNKNOWN ? identityOf(await redis.info()) : undefined;
    const nextGeneration = await readGeneration();
    // Two checks may overlap: what another one saw meanwhile stands.
    const nextIdentity = seen ?? identity;
    const changed = generation !== undefined && (generation !== nextGeneration || identity !== nextIdentity);
    [identity, generation] = [nextIdentity, nextGeneration];
    if (!changed) return;
    metrics.replaced.inc();
    log.warn({}, "Redis was replaced or emptied, everything is compared again");
    emit("replaced");
  }

  function checkSoon(connected: boolean): void {
    if (redis.status !== "ready") return;
    check({ connected }).catch((error: unknown) => {
      // The connection breaks or the next round comes: both check again. Unknown counts as changed.
      if (connected) identity = UNKNOWN;
      log.warn({ err: error }, "Redis could not be checked");
    });
  }

  async function warnOfEncoding(): Promise<void> {
    const answer = (await redis.config("GET", "hash-max-listpack-value")) as readonly string[];
    const value = Number(answer[1]);
    if (value < LISTPACK_VALUE)
      log.warn(
        { value, advised: LISTPACK_VALUE },
        "hash-max-listpack-value is low, mailboxes take twice the memory",
      );
  }

  const onReady = (): void => checkSoon(true);

  return {
    onReplaced: (handler) => void handlers.push(handler),
    check: () => check({ connected: true }),
    start() {
      redis.on("ready", onReady);
      onReady();
      warnOfEncoding().catch((error: unknown) =>
        log.debug({ err: error }, "Redis does not tell its configuration"),
      );
      timers.push(setInterval(() => checkSoon(false), deps.checkIntervalMs ?? DEFAULT_CHECK_MS));
      timers.push(setInterval(() => emit("timer"), deps.fullIntervalMs ?? DEFAULT_FULL_MS));
      for (const timer of timers) timer.unref();
    },
    stop() {
      redis.off("ready", onReady);
      for (const timer of timers) clearInterval(timer);
    },
  };
}
