// SPDX-License-Identifier: Apache-2.0
import type { RedisTarget } from "../delivery/index.ts";

/** ioredis takes `redis://` and `rediss://` as they are, and the bare path of a socket for `unix://`. */
export const redisTarget = (url: string): RedisTarget => ({
  url: url.startsWith("unix://") ? url.slice("unix://".length) : url,
});
