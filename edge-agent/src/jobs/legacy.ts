// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { FIRST_STEP, parseTaskResource } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import type { Order } from "./port.ts";

/**
 * Reads a CloudCore's order. It has no uid, so one is made of the job's name and spec: a job that was deleted and
 * created anew has the same, and is another attempt of it.
 *
 * @returns undefined for another node's, and for what is no order of v1alpha2
 */
export function orderOfFrame({ route, content }: Frame, node: string): Order | undefined {
  const address = parseTaskResource(route.resource ?? "");
  if (route.operation !== FIRST_STEP || address?.dialect !== "v1alpha2" || address.node !== node)
    return undefined;
  const { kind, job: name } = address;
  const uid = `cloudcore-${digest(`${kind}\0${name}\0${JSON.stringify(sorted(content))}`)}`;
  return { kind, name, uid, attempt: 1, spec: content };
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32);

/** The same whatever the order of keys was. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, member]) => [key, sorted(member)]);
}
