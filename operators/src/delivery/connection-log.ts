// SPDX-License-Identifier: Apache-2.0
import type { Redis } from "ioredis";
import type { Log } from "./log.ts";

/**
 * Logs one line when the connection goes and one when it comes; the attempts in between say nothing new.
 *
 * @param client which of our clients it is
 * @returns ends it, before the connection is closed on purpose
 */
export function logConnection(redis: Pick<Redis, "on">, client: string, log: Log): () => void {
  let state: "new" | "up" | "down" | "ended" = "new";
  redis.on("error", (error) => log.debug({ client, err: error }, "Redis connection failed"));
  // Comes with each failed attempt too.
  redis.on("close", () => {
    if (state === "down" || state === "ended") return;
    state = "down";
    log.warn({ client }, "Redis connection lost");
  });
  redis.on("ready", () => {
    if (state === "up" || state === "ended") return;
    state = "up";
    log.info({ client }, "Redis connected");
  });
  return () => {
    state = "ended";
  };
}
