// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { Config } from "../config/index.ts";
import { createControllerDelivery } from "../delivery/index.ts";
import type { Log, Manager } from "../runtime/index.ts";
import { setupWorkloadController } from "../workload/index.ts";
import { redisTarget } from "./redis-target.ts";

export interface ControllersDeps {
  readonly config: Config;
  readonly manager: Manager;
  readonly registry: Registry;
  readonly log: Log;
}

/** Adds all controllers to the manager. @returns ends what they share, to be called after the manager */
export function startControllers({ config, manager, registry, log }: ControllersDeps): () => Promise<void> {
  const delivery = createControllerDelivery({
    redis: redisTarget(config.redis.url),
    prefix: config.redis.keyPrefix,
    log: log.child({ part: "delivery" }),
    registry,
  });
  setupWorkloadController(manager, { outbox: delivery.outbox });
  manager.add({ start: (signal) => delivery.run(signal) });
  return () => delivery.stop();
}
