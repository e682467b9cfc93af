// SPDX-License-Identifier: Apache-2.0
import { VERSION_LABEL_DOMAIN } from "@longshore/crds/apps";
import { isNotFound, type Client } from "../../runtime/index.ts";
import { NODES } from "../resources.ts";

/** A host and which version of an application its label tells; absent: none. */
export interface HostLabel {
  readonly node: string;
  readonly version?: string | undefined;
}

/** The labels of nodes that tell which version of an application a host runs. */
export interface HostLabels {
  /** Nodes that have the label. From the cache. */
  labelled(key: string): readonly HostLabel[];
  /** A node that is gone is no error. @throws {ApiError} */
  set(key: string, to: HostLabel, signal: AbortSignal): Promise<void>;
}

export interface HostLabelsDeps {
  readonly client: Pick<Client, "patch">;
  /** See versionKeysOf: an index by it answers without looking at every node. */
  readonly labelled: HostLabels["labelled"];
}

export const HOST_LABEL_MANAGER = "longshore-rollout";

/** Keys of a node's version labels, of any application: values of an index over nodes. */
export const versionKeysOf = (labels: Readonly<Record<string, string>>): readonly string[] =>
  Object.keys(labels).filter((key) => key.startsWith(`${VERSION_LABEL_DOMAIN}/`));

export function createHostLabels({ client, labelled }: HostLabelsDeps): HostLabels {
  return {
    labelled,
    async set(key, { node, version }, signal) {
      // One label alone: nothing that others write at the same time is lost.
      const body = { metadata: { labels: { [key]: version ?? null } } };
      try {
        await client.patch(
          NODES,
          { name: node },
          { type: "merge", body },
          { fieldManager: HOST_LABEL_MANAGER, signal },
        );
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}
