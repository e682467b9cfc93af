// SPDX-License-Identifier: Apache-2.0
import type { Writing } from "./desired.ts";
import type { RecordStore, StoreError } from "./port.ts";

/** The agent's own small records, all of them in memory as well; a read shows what is committed. */
export function createRecords(
  loaded: readonly { bucket: string; key: string; value: unknown }[],
  writing: Writing,
): { port: RecordStore; entries(): [bucket: string, key: string, value: unknown][] } {
  const buckets = new Map<string, Map<string, unknown>>();
  const bucketOf = (name: string): Map<string, unknown> => {
    const bucket = buckets.get(name) ?? new Map<string, unknown>();
    buckets.set(name, bucket);
    return bucket;
  };
  for (const { bucket, key, value } of loaded) bucketOf(bucket).set(key, value);

  const submit = (frees: boolean, write: () => void, show: () => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const failed = (error: StoreError): void => {
        writing.metrics.failed(error.code);
        reject(error);
      };
      const committed = (): void => {
        show();
        resolve();
      };
      writing.submit({ frees, write, committed, failed });
    });
  const port: RecordStore = {
    get: (bucket, key) => buckets.get(bucket)?.get(key),
    list: (bucket) => [...(buckets.get(bucket) ?? [])],
    put: (bucket, key, value) =>
      submit(
        false,
        () => writing.db().putRecord(bucket, key, value),
        () => bucketOf(bucket).set(key, value),
      ),
    delete: (bucket, key) =>
      submit(
        true,
        () => writing.db().deleteRecord(bucket, key),
        () => void buckets.get(bucket)?.delete(key),
      ),
  };
  const entries = (): [string, string, unknown][] =>
    [...buckets].flatMap(([bucket, rows]) =>
      [...rows].map(([key, value]): [string, string, unknown] => [bucket, key, value]),
    );
  return { port, entries };
}
