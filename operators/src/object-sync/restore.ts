// SPDX-License-Identifier: Apache-2.0
import { isResourceVersion } from "@longshore/crds/wire";
import type { LedgerRecord } from "../delivery/ledger.ts";
import { RECORDED_KINDS } from "./desired.ts";
import { objectUidOf, type SyncRecord } from "./record.ts";

export interface Restorable {
  readonly records: readonly LedgerRecord[];
  /** Names of records whose version is nonsense: taken for not acked, so that the object is sent again. */
  readonly garbage: readonly string[];
}

const WIRE_KINDS: ReadonlyMap<string, string> = new Map(
  [...RECORDED_KINDS].filter(([, { isRestored }]) => isRestored).map(([wire, { kind }]) => [kind, wire]),
);

/** Of a version that was never acked, KubeEdge writes this. */
const NEVER = "0";

/**
 * What the records of one node prove that it holds.
 *
 * @param nodeUid of the Node as it is now; what belongs to a former Node of the name proves nothing
 */
export function restorable(existing: readonly SyncRecord[], nodeUid: string): Restorable {
  const own = existing.filter((record) => record.nodeUid === "" || record.nodeUid === nodeUid);
  return {
    garbage: own.filter(({ acked }) => !isResourceVersion(acked)).map(({ metadata }) => metadata.name),
    records: own.flatMap(toLedger),
  };
}

const DIGEST = /^[0-9a-f]{32}$/;
// Anybody's text may stand there: one that no object can have would hold up all else of its node.
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const MAX_UID_CHARS = 64;

function toLedger({ metadata, objectKind, objectName, acked, digest }: SyncRecord): LedgerRecord[] {
  const kind = WIRE_KINDS.get(objectKind);
  const { namespace = "" } = metadata;
  const uid = objectUidOf(metadata.name);
  const isUsable =
    isResourceVersion(acked) && acked !== NEVER && NAME.test(objectName) && uid.length <= MAX_UID_CHARS;
  if (kind === undefined || namespace === "" || !isUsable) return [];
  return [
    {
      ...{ kind, namespace, name: objectName, uid, resourceVersion: acked },
      ...(DIGEST.test(digest) && { digest }),
    },
  ];
}
