// SPDX-License-Identifier: Apache-2.0
import { LAST_APPLIED_TEMPLATE } from "@longshore/crds/apps";
import { FIELD_MANAGER } from "../resources.ts";

type Fields = Readonly<Record<string, unknown>>;

/** An entry of metadata.managedFields. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Fields;
}

/**
 * Makes ours what CloudCore wrote, so that what the template drops disappears with the next apply: nobody else would
 * own it. CloudCore is who wrote its annotation.
 *
 * @returns undefined when CloudCore owns nothing
 */
export function takenOver(entries: readonly ManagedFields[]): readonly ManagedFields[] | undefined {
  const theirs = entries.filter(isCloudCores);
  if (theirs.length === 0) return undefined;
  const rest = entries.filter((entry) => !isCloudCores(entry));
  const ours = rest.find(isOurs);
  const all = [...(ours === undefined ? [] : [ours]), ...theirs];
  const fieldsV1 = all.map((entry) => entry.fieldsV1 ?? {}).reduce(union, {});
  const last = theirs.at(-1);
  const made = {
    ...last,
    ...{ manager: FIELD_MANAGER, operation: "Apply", fieldsType: "FieldsV1", fieldsV1 },
  };
  return [...rest.filter((entry) => entry !== ours), made];
}

function isCloudCores(entry: ManagedFields): boolean {
  if (entry.manager === FIELD_MANAGER || entry.operation !== "Update") return false;
  if ((entry.subresource ?? "") !== "") return false;
  return at(entry.fieldsV1, ["f:metadata", "f:annotations", `f:${LAST_APPLIED_TEMPLATE}`]) !== undefined;
}

const isOurs = (entry: ManagedFields): boolean =>
  entry.manager === FIELD_MANAGER && entry.operation === "Apply" && (entry.subresource ?? "") === "";

function at(from: Fields | undefined, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Fields | undefined)?.[key], from);
}

/** Sets of fields are trees: the union is the deep merge. */
function union(a: Fields, b: Fields): Fields {
  const made: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const old = made[key];
    made[key] = isFields(old) && isFields(value) ? union(old, value) : value;
  }
  return made;
}

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
