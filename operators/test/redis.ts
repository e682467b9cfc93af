// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { tied } from "../../hack/tied.ts";

export interface TestRedis {
  /** path of its unix socket, as ioredis takes it */
  readonly url: string;
  /** kill -9 and start again on the same files */
  restart(): Promise<void>;
  kill(): Promise<void>;
  /** Stops and continues it, as a machine does that hangs: it takes calls and answers none. */
  freeze(): void;
  thaw(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a real redis-server with its own folder and socket. @param appendOnly keeps writes across a kill */
export async function startRedis({ appendOnly = false } = {}): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), "longshore-redis-"));
  const url = join(dir, "redis.sock");
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = ["--port", "0", "--unixsocket", url, "--dir", dir, "--save", "", "--loglevel", "warning"];
    const keep = ["--appendonly", appendOnly ? "yes" : "no", "--hash-max-listpack-value", "256"];
    child = spawn(...tied("redis-server", [...args, ...keep]), { stdio: "ignore" });
    await answers(url);
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  await start();
  return {
    url,
    start,
    kill,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    restart: async () => {
      await kill();
      await start();
    },
    stop: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<void> {
  const probe = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: 250 });
  probe.on("error", () => undefined);
  try {
    await probe.ping();
  } finally {
    probe.disconnect();
  }
}
