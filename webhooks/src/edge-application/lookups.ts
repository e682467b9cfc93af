// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO, type GroupFacts, type LabelSelector, type Target } from "@longshore/crds/apps";
import { kinds } from "@longshore/crds/kinds";
import type { Client, KubeObject, Resource } from "@longshore/operators/runtime";
import type { NodeCount } from "./telling.ts";

const NODES: Resource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };

/** What a dry run asks the API server. Never rejects. */
export interface ApplicationLookups {
  groups(): Promise<readonly GroupFacts[] | "unknown">;
  /** @param targets of which nodes are counted; those beyond the limit are not */
  nodes(targets: readonly Target[]): Promise<ReadonlyMap<string, NodeCount>>;
}

export interface LookupLimits {
  /** NodeGroups looked through. Default 2,000. */
  readonly maxGroups?: number;
  /** Nodes counted of one target. Default 1,000. */
  readonly maxNodes?: number;
  /** Targets whose nodes are counted. Default 10, as many as sentences are told. */
  readonly maxTargets?: number;
  /** Dry runs at a time; more are answered without. Default 4. */
  readonly maxRuns?: number;
  /** One call. Default 1 s: two after each other fit into the webhook's timeout. */
  readonly timeoutMs?: number;
}

const DEFAULTS = { maxGroups: 2_000, maxNodes: 1_000, maxTargets: 10, maxRuns: 4, timeoutMs: 1_000 };

/** Without an API server: nothing is known. */
export const unknownPlaces: ApplicationLookups = {
  groups: () => Promise.resolve("unknown"),
  nodes: () => Promise.resolve(new Map()),
};

/** Reads NodeGroups and Nodes as metadata only, from the API server's cache. */
export function createApplicationLookups(
  client: Pick<Client, "list">,
  failed: (kind: "nodegroups" | "nodes", error: unknown) => void,
  limits: LookupLimits = {},
): ApplicationLookups {
  const { maxGroups, maxNodes, maxTargets, maxRuns, timeoutMs } = { ...DEFAULTS, ...limits };
  const options = { metadataOnly: true, timeoutMs };
  let running = 0;
  const bounded = async <T>(other: T, read: () => Promise<T>): Promise<T> => {
    if (running >= maxRuns) return other;
    running++;
    try {
      return await read();
    } finally {
      running--;
    }
  };
  const count = async (target: Target): Promise<NodeCount> => {
    try {
      const labelSelector = selectorOf(target);
      const page = await client.list<KubeObject>(NODES, { ...options, labelSelector, limit: maxNodes });
      return { nodes: page.items.length, isAll: page.continue === undefined };
    } catch (error) {
      failed("nodes", error);
      return undefined;
    }
  };
  return {
    groups: () =>
      bounded<readonly GroupFacts[] | "unknown">("unknown", async () => {
        try {
          const page = await client.list<KubeObject>(kinds.NodeGroup, { ...options, limit: maxGroups });
          if (page.continue !== undefined) return "unknown";
          return page.items.map(({ metadata: { name, labels = {} } }) => ({ name, labels }));
        } catch (error) {
          failed("nodegroups", error);
          return "unknown";
        }
      }),
    nodes: (targets) =>
      bounded<ReadonlyMap<string, NodeCount>>(new Map(), async () => {
        const counted = targets.slice(0, maxTargets);
        const counts = await Promise.all(counted.map(count));
        return new Map(counted.map(({ name }, index) => [name, counts[index]]));
      }),
  };
}

const selectorOf = ({ group, labelSelector }: Target): string =>
  group === undefined ? printSelector(labelSelector ?? {}) : `${BELONGING_TO}=${group}`;

/** As a query has it: `gpu=true,zone in (a,b)`. */
function printSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values = [] }) => {
      if (operator === "Exists") return key;
      if (operator === "DoesNotExist") return `!${key}`;
      return `${key} ${operator.toLowerCase()} (${values.join(",")})`;
    }),
  ].join(",");
}
