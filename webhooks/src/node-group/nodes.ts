// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO } from "@longshore/crds/apps";
import type { Client, KubeObject, ListOptions, Resource } from "@longshore/operators/runtime";

const NODES: Resource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };

export interface FoundNode {
  readonly name: string;
  /** Name of the NodeGroup that has it. */
  readonly group?: string;
}

/** What is asked of Nodes when a NodeGroup is written. Never rejects. */
export interface GroupLookups {
  /** Nodes with these labels that belong to a group of another name; some of them, when there are many. */
  claimed(
    group: string,
    matchLabels: Readonly<Record<string, string>>,
  ): Promise<readonly FoundNode[] | "unknown">;
  /** Those of the names that there are. */
  named(names: readonly string[]): Promise<readonly FoundNode[] | "unknown">;
}

export interface GroupLookupLimits {
  /** Nodes told of. Default 20. */
  readonly maxNodes?: number;
  /** Reviews that look up at a time; more are answered without. Default 4. */
  readonly maxRuns?: number;
  /** One call. Default 1 s. */
  readonly timeoutMs?: number;
}

const DEFAULTS = { maxNodes: 20, maxRuns: 4, timeoutMs: 1_000 };

/** Without an API server: nothing is known of any node. */
export const unknownNodes: GroupLookups = {
  claimed: () => Promise.resolve("unknown"),
  named: () => Promise.resolve("unknown"),
};

/** Reads Nodes as metadata only. */
export function createGroupLookups(
  client: Pick<Client, "list">,
  failed: (error: unknown) => void,
  limits: GroupLookupLimits = {},
): GroupLookups {
  const { maxNodes, maxRuns, timeoutMs } = { ...DEFAULTS, ...limits };
  let running = 0;
  const list = async (options: ListOptions): Promise<readonly FoundNode[]> => {
    const page = await client.list<KubeObject>(NODES, {
      metadataOnly: true,
      timeoutMs,
      limit: maxNodes,
      ...options,
    });
    return page.items.map(({ metadata: { name, labels } }) => {
      const group = labels?.[BELONGING_TO];
      return { name, ...(group !== undefined && { group }) };
    });
  };
  const bounded = async (
    read: () => Promise<readonly FoundNode[]>,
  ): Promise<readonly FoundNode[] | "unknown"> => {
    if (running >= maxRuns) return "unknown";
    running++;
    try {
      return await read();
    } catch (error) {
      failed(error);
      return "unknown";
    } finally {
      running--;
    }
  };
  return {
    claimed: (group, matchLabels) =>
      bounded(() => {
        const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
        return list({ labelSelector: [...labels, BELONGING_TO, `${BELONGING_TO}!=${group}`].join(",") });
      }),
    named: (names) =>
      bounded(async () => {
        const found = await Promise.all(
          names.slice(0, maxNodes).map((name) => list({ fieldSelector: `metadata.name=${name}` })),
        );
        return found.flat();
      }),
  };
}
