// SPDX-License-Identifier: Apache-2.0
import { imagesOf, renderTarget, targetsOf, versionLabel, type EdgeApplication } from "@longshore/crds/apps";
import type { Informer, Manager } from "../runtime/index.ts";
import {
  createHostLabels,
  createRollout,
  createRolloutCounters,
  sweepRollouts,
  versionKeysOf,
  type Rollout,
} from "./rollout/index.ts";
import { createMetrics, type MetricsOptions } from "./rollout/metrics.ts";
import { createPrePull } from "./rollout/pre-pull.ts";
import { createRevisions } from "./rollout/revisions.ts";
import type { NodeFacts } from "./watch/nodes.ts";

const BY_VERSION_LABEL = "edge-application/version-label";

interface RolloutParts {
  readonly nodes: Informer<NodeFacts>;
  readonly apps: Informer<EdgeApplication>;
  readonly prometheus: MetricsOptions | undefined;
}

/** Rollouts with all that they need, and the sweep of what gone applications left. */
export function rolloutOf(manager: Manager, { nodes, apps, prometheus }: RolloutParts): Rollout {
  const { client, clock, log } = manager;
  nodes.addIndex(BY_VERSION_LABEL, ({ labels }) => versionKeysOf(labels));
  const labelled = (key: string) =>
    nodes
      .byIndex(BY_VERSION_LABEL, key)
      .map(({ metadata, labels }) => ({ node: metadata.name, version: labels[key] }));
  const prePull = createPrePull({ client, clock, log });
  const hosts = createHostLabels({ client, labelled });
  const counters = createRolloutCounters(manager.registry);
  const keyOfApp = ({ metadata: { name, namespace = "" } }: EdgeApplication): string =>
    versionLabel({ name, namespace });
  manager.add({
    async start(signal) {
      if (signal.aborted) return;
      const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      await Promise.race([Promise.all([nodes.synced(), apps.synced()]), stopped]);
      const sources = {
        nodes: () => nodes.list().map(({ metadata, labels }) => ({ name: metadata.name, labels })),
        keys: () => new Set(apps.list().map(keyOfApp)),
        uids: () => new Set(apps.list().map(({ metadata }) => metadata.uid)),
      };
      await sweepRollouts({ clock, log, hosts, prePull, counters, ...sources }, signal);
    },
  });
  return createRollout({
    ...{ clock, log, counters, prePull, hosts },
    revisions: createRevisions({ client, log }),
    metrics: createMetrics(prometheus ?? { url: "" }),
    rendering: { targetsOf, renderTarget, imagesOf, versionLabel },
  });
}
