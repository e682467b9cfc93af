// SPDX-License-Identifier: Apache-2.0
import { waitForCloudProcess } from "./cloud.ts";
import { waitForContainerd } from "./containerd.ts";
import type { Layout } from "./layout.ts";
import { waitForMapper } from "./mapper.ts";
import { waitForMetricsServer } from "./metrics-server.ts";
import { waitForApi } from "./probes.ts";
import {
  findProcess,
  isAlive,
  restartProcess,
  signalProcess,
  stopProcess,
  type ProcessRecord,
} from "./processes.ts";
import { waitForRedis } from "./redis.ts";
import { waitForWebhooks } from "./webhooks.ts";

/** One process of a running environment, to be stopped, killed and started again. */
export interface Part {
  readonly name: PartName;
  isRunning(): boolean;
  /** SIGTERM, and SIGKILL after ten seconds. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill9(): Promise<void>;
  /** SIGSTOP and SIGCONT: it is there, and silent. */
  freeze(): void;
  thaw(): void;
  /** Starts it with the same arguments and waits until it is ready; the agent does not tell when it is. */
  start(): Promise<void>;
}

const READY = {
  etcd: () => Promise.resolve(), // the API server tells when it is ready
  "kube-apiserver": waitForApi,
  redis: waitForRedis,
  containerd: waitForContainerd,
  controllers: (layout: Layout, record: ProcessRecord) => waitForCloudProcess(layout, "controllers", record),
  hub: (layout: Layout, record: ProcessRecord) => waitForCloudProcess(layout, "hub", record),
  "hub-b": (layout: Layout, record: ProcessRecord) => waitForCloudProcess(layout, "hub-b", record),
  webhooks: waitForWebhooks,
  agent: () => Promise.resolve(),
  mapper: waitForMapper,
  "metrics-server": waitForMetricsServer,
} as const satisfies Record<string, (layout: Layout, record: ProcessRecord) => Promise<void>>;

export type PartName = keyof typeof READY;
export const PART_NAMES = Object.keys(READY) as PartName[];

/** The parts that an environment was started with. */
export const partsOf = (layout: Layout): Part[] =>
  PART_NAMES.filter((name) => findProcess(layout, name) !== undefined).map((name) => openPart(layout, name));

export function openPart(layout: Layout, name: PartName): Part {
  const record = (): ProcessRecord | undefined => findProcess(layout, name);
  const signal = (signalName: NodeJS.Signals): void => {
    const found = record();
    if (found) signalProcess(found, signalName);
  };
  return {
    name,
    isRunning: () => {
      const found = record();
      return found !== undefined && isAlive(found);
    },
    stop: () => stopProcess(layout, name),
    kill9: () => stopProcess(layout, name, { signal: "SIGKILL" }),
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    start: async () => READY[name](layout, restartProcess(layout, name)),
  };
}
