// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";
import { findProcess, startProcess, waitReady, type ProcessRecord } from "./processes.ts";

const READY_MS = 60_000;

/**
 * Starts an own redis-server on loopback, with a password: append-only file synced each second, nothing
 * evicted, and node mailboxes kept as packed hashes.
 *
 * @returns its URL
 */
export async function startRedis(layout: Layout, ports: Ports): Promise<string> {
  const port = await ports.take(layout.firstPort + 5);
  const dir = join(layout.dir, "redis");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const password = randomBytes(16).toString("hex");
  writeFileSync(configPath(layout), redisConfig(dir, port, password), { mode: 0o600 });
  const record = startProcess(layout, { name: "redis", command: "redis-server", args: [configPath(layout)] });
  await waitForRedis(layout, record);
  return redisUrl(layout);
}

const redisConfig = (dir: string, port: number, password: string): string =>
  `bind 127.0.0.1
port ${port}
requirepass ${password}
dir ${dir}
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
hash-max-listpack-entries 512
hash-max-listpack-value 256
`;

const configPath = (layout: Layout): string => join(layout.dir, "redis.conf");

function settings(layout: Layout): { port: number; password: string } {
  const text = readFileSync(configPath(layout), "utf8");
  return {
    port: Number(/^port (\d+)$/m.exec(text)?.[1]),
    password: /^requirepass (.*)$/m.exec(text)?.[1] ?? "",
  };
}

/** URL of the Redis of an environment, password included. */
export function redisUrl(layout: Layout): string {
  const { port, password } = settings(layout);
  return `redis://:${password}@127.0.0.1:${port}`;
}

/** Resolves when Redis answers PING, that is when its data is loaded. */
export function waitForRedis(
  layout: Layout,
  record: ProcessRecord | undefined = findProcess(layout, "redis"),
): Promise<void> {
  if (!record) return Promise.reject(new Error("redis was not started"));
  return waitReady(layout, record, READY_MS, () => redisAnswers(layout, "PING", "+PONG"));
}

/** Removes every key. */
export const flushRedis = (layout: Layout): Promise<boolean> =>
  redisAnswers(layout, "FLUSHALL", "+OK\r\n", 2);

/** Sends AUTH and one inline command; whether the answer holds `want` (`count` times). */
function redisAnswers(layout: Layout, command: string, want: string, count = 1): Promise<boolean> {
  const { port, password } = settings(layout);
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(`AUTH ${password}\r\n${command}\r\n`));
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(answer.split(want).length > count));
  });
}

/** The append-only files, in a folder of their own below the data. */
const redisData = (layout: Layout): string => join(layout.dir, "redis/appendonlydir");
const redisCopy = (layout: Layout): string => join(layout.dir, "redis/copy");

/** Copies the data as it is on disk now, as a backup of a running Redis would: writes of the last second may be missing. */
export function copyRedisData(layout: Layout): void {
  rmSync(redisCopy(layout), { recursive: true, force: true });
  cpSync(redisData(layout), redisCopy(layout), { recursive: true });
}

/** Puts the copy back. Redis must not run. */
export function restoreRedisData(layout: Layout): void {
  rmSync(redisData(layout), { recursive: true, force: true });
  renameSync(redisCopy(layout), redisData(layout));
}
