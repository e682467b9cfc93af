// SPDX-License-Identifier: Apache-2.0
import { formatKey } from "@longshore/crds/wire";
import type { DesiredStore, RecordStore } from "../store/port.ts";
import type { Uplink } from "../tunnel/port.ts";
import type { DataObjects } from "./env.ts";
import { messageOf, PodError } from "./errors.ts";
import type { DataObject } from "./pod.ts";
import { objectOf } from "./reply.ts";

export interface ObjectDeps {
  readonly store: DesiredStore;
  readonly records: RecordStore;
  readonly uplink: Uplink;
  readonly queryTimeoutMs: number;
}

/** Objects that were asked for and not pushed; kept so that the node can restart its pods with no cloud. */
export const QUERIED_BUCKET = "pods/queried";

async function ask(deps: ObjectDeps, resource: string, key: string): Promise<DataObject | undefined> {
  try {
    const frame = await deps.uplink.request(
      { operation: "query", resource, content: null },
      { timeoutMs: deps.queryTimeoutMs },
    );
    const object = objectOf(frame, resource) as DataObject;
    await deps.records.put(QUERIED_BUCKET, key, object);
    return object;
  } catch (error) {
    if (error instanceof PodError && error.code === "NOT_FOUND") {
      await deps.records.delete(QUERIED_BUCKET, key);
      return undefined;
    }
    if (error instanceof PodError) throw error;
    throw new PodError("UNREACHABLE", `${resource}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * ConfigMaps and Secrets of one namespace: what the cloud pushed, else what it answers, else (offline)
 * what it answered last.
 */
export function dataObjects(deps: ObjectDeps, namespace: string): DataObjects {
  return {
    get: async (kind, name) => {
      const key = formatKey({ kind, namespace, name });
      const pushed = deps.store.get(key);
      if (pushed) return pushed.value as DataObject;
      const kept = deps.records.get(QUERIED_BUCKET, key) as DataObject | undefined;
      if (kept && !deps.uplink.isConnected()) return kept;
      return ask(deps, `${namespace}/${kind}/${name}`, key).catch((error: unknown) => {
        if (kept) return kept;
        throw error;
      });
    },
  };
}
