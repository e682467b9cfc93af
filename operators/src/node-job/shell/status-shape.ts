// SPDX-License-Identifier: Apache-2.0
import { schemas } from "@longshore/crds/operations";
import type { JobKind } from "@longshore/crds/tasks";
import type { JobStatus, Task } from "../port.ts";

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** Makes a status fit the schema of one kind: not all of them know versions, images, or the words of v1alpha1. */
export function createStatusShape(kind: JobKind): (status: JobStatus) => JobStatus {
  const schema = (schemas[kind] as Schema).properties?.["status"];
  const taskKeys = keysOf(schema?.properties?.["nodeStatus"]?.items);
  const statusKeys = keysOf(schema);
  const summaryKeys = keysOf(schema?.properties?.["summary"]);
  return (status) => {
    const { nodeStatus, summary, ...rest } = only(statusKeys, status);
    return {
      ...rest,
      ...(summary !== undefined && { summary: only(summaryKeys, summary) }),
      ...(nodeStatus !== undefined && { nodeStatus: nodeStatus.map((task: Task) => only(taskKeys, task)) }),
    };
  };
}

const keysOf = (schema: Schema | undefined): ReadonlySet<string> =>
  new Set(Object.keys(schema?.properties ?? {}));

/** The same object when it has no other keys. */
function only<T extends object>(keys: ReadonlySet<string>, object: T): T {
  const entries = Object.entries(object);
  const kept = entries.filter(([key, value]) => keys.has(key) && value !== undefined);
  return kept.length === entries.length ? object : (Object.fromEntries(kept) as T);
}
