// SPDX-License-Identifier: Apache-2.0
import { compareResourceVersion } from "@longshore/crds/wire";
import type { StoreChange, StoredObject, StoreOutcome } from "./port.ts";

/**
 * What a change does to what is held. Order is (clusterEpoch, resourceVersion) and nothing else; a uid is identity:
 * a put of another uid replaces only with a greater version, a delete applies only to the uid that it names.
 */
export function decide(held: StoredObject | undefined, change: StoreChange): StoreOutcome {
  if (change.op === "delete") return decideDelete(held, change.uid);
  if (held === undefined) return "applied";
  return isNewer(change.object, held) ? "applied" : "stale";
}

function decideDelete(held: StoredObject | undefined, uid: string): StoreOutcome {
  if (held === undefined) return "stale";
  return uid === "" || uid === held.uid ? "applied" : "other-uid";
}

function isNewer(next: StoredObject, held: StoredObject): boolean {
  if (next.clusterEpoch !== held.clusterEpoch) return next.clusterEpoch > held.clusterEpoch;
  return compareResourceVersion(next.resourceVersion, held.resourceVersion) > 0;
}
