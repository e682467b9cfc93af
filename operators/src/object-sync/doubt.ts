// SPDX-License-Identifier: Apache-2.0
import { compareResourceVersion } from "@longshore/crds/wire";
import type { LedgerEntry, LedgerRecord } from "../delivery/ledger.ts";
import { RECORDED_KINDS } from "./desired.ts";

const keyOf = ({ kind, namespace, name }: LedgerRecord): string => `${kind}/${namespace}/${name}`;

/** One of each object: the newest, for a name may have had several uids. */
export function newestOfEach(objects: readonly LedgerRecord[]): Map<string, LedgerRecord> {
  const newest = new Map<string, LedgerRecord>();
  for (const object of objects) {
    const other = newest.get(keyOf(object));
    if (other && compareResourceVersion(object.resourceVersion, other.resourceVersion) < 0) continue;
    newest.set(keyOf(object), object);
  }
  return newest;
}

/**
 * What a Redis that may have lost its newest writes and the records tell differently of one node. Neither proves
 * anything then: records are some seconds late, and Redis as late as its copy is old.
 */
export function doubtful(entries: readonly LedgerEntry[], records: readonly LedgerRecord[]): LedgerRecord[] {
  const acked = entries.filter(
    ({ kind, namespace }) => namespace !== "" && RECORDED_KINDS.get(kind)?.isRestored,
  );
  const [inRedis, inRecords] = [newestOfEach(acked), newestOfEach(records)];
  const isSame = (object: LedgerRecord): boolean =>
    [inRedis, inRecords].every((side) => {
      const told = side.get(keyOf(object));
      return told?.uid === object.uid && told.resourceVersion === object.resourceVersion;
    });
  return [...newestOfEach([...acked, ...records]).values()].filter((object) => !isSame(object));
}
