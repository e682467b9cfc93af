// SPDX-License-Identifier: Apache-2.0
import type { Ref } from "../resources.ts";

/** An object of an application, as KubeEdge writes it in the annotation last-contained-resources. */
export interface Contained extends Ref {
  readonly ordinal: number;
  readonly version: string;
}

/** Annotations of one object may have 256 KiB together; some is left for others. */
const MAX_BYTES = 128 * 1024;

/** What the annotation names; nothing when it cannot be read. */
export function readContained(text: string | undefined): readonly Contained[] {
  if (text === undefined || text === "") return [];
  try {
    const list = JSON.parse(text) as unknown;
    return Array.isArray(list) ? list.filter(isContained) : [];
  } catch {
    return []; // somebody wrote something else into it
  }
}

/**
 * In KubeEdge's order and format. Where that is too long it names one object of each kind: ours carry a label, and are
 * found by their kind.
 */
export function writeContained(objects: readonly Contained[], maxBytes = MAX_BYTES): string {
  const text = format(objects);
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const one = new Map(objects.map((each) => [kindOf(each), each]));
  return format([...one.values()]);
}

/** `apps/v1 Deployment` */
export const kindOf = ({ group, version, kind }: Omit<Contained, "ordinal" | keyof Ref> & Ref): string =>
  `${apiVersionIn({ group, version })} ${kind}`;

export const apiVersionIn = ({
  group,
  version,
}: {
  readonly group: string;
  readonly version: string;
}): string => (group === "" ? version : `${group}/${version}`);

function format(objects: readonly Contained[]): string {
  const sorted = objects
    .map((object) => ({ object, place: placeOf(object) }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ object: { ordinal, group, version, kind, namespace, name } }) => ({
      ...{ ordinal, group, version, kind, namespace, name },
    }));
  return JSON.stringify(sorted);
}

const placeOf = ({ ordinal, group, version, kind, namespace, name }: Contained): string =>
  `${ordinal}, ${group}/${version}, kind=${kind}, namespace=${namespace}, name=${name}`;

function isContained(value: unknown): value is Contained {
  if (typeof value !== "object" || value === null) return false;
  const { ordinal, ...texts } = value as Record<string, unknown>;
  return (
    typeof ordinal === "number" &&
    ["group", "version", "kind", "namespace", "name"].every((field) => typeof texts[field] === "string")
  );
}
