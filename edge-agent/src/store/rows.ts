// SPDX-License-Identifier: Apache-2.0
import { rowChecksum } from "./checksum.ts";
import type { StoredObject } from "./port.ts";

type Row = Readonly<Record<string, unknown>>;

/** Columns of `objects`, in the order of the INSERT. The checksum is over all before it. */
export function objectColumns(object: StoredObject): string[] {
  const { key, kind, namespace, name, uid, resourceVersion, digest, clusterEpoch, value } = object;
  const fields = [key, kind, namespace, name, uid, resourceVersion, digest, String(clusterEpoch)];
  const columns = [...fields, JSON.stringify(value)];
  return [...columns, rowChecksum(columns)];
}

/** Columns of `records`, in the order of the INSERT. */
export function recordColumns(bucket: string, key: string, value: unknown): string[] {
  const columns = [bucket, key, JSON.stringify(value)];
  return [...columns, rowChecksum(columns)];
}

const OBJECT_FIELDS = ["key", "kind", "namespace", "name", "uid", "rv", "digest", "epoch", "value"] as const;
const RECORD_FIELDS = ["bucket", "key", "value"] as const;

function verified<F extends string>(row: Row, names: readonly F[]): Record<F, string> | undefined {
  const fields = names.map((name) => row[name]);
  if (!fields.every((field) => typeof field === "string")) return undefined;
  if (rowChecksum(fields) !== row["sum"]) return undefined;
  return Object.fromEntries(names.map((name, i) => [name, fields[i]])) as Record<F, string>;
}

/** Undefined when the row is not what was written (a flipped bit, an edit by hand). */
export function readObject(row: Row): StoredObject | undefined {
  const fields = verified(row, OBJECT_FIELDS);
  if (fields === undefined) return undefined;
  const { key, kind, namespace, name, uid, rv, digest, epoch, value } = fields;
  const clusterEpoch = Number(epoch);
  const parsed: unknown = JSON.parse(value);
  return { key, kind, namespace, name, uid, resourceVersion: rv, digest, clusterEpoch, value: parsed };
}

/** Undefined when the row is not what was written. */
export function readRecord(row: Row): { bucket: string; key: string; value: unknown } | undefined {
  const fields = verified(row, RECORD_FIELDS);
  return fields && { bucket: fields.bucket, key: fields.key, value: JSON.parse(fields.value) as unknown };
}
