// SPDX-License-Identifier: Apache-2.0
import { fail } from "../fault.ts";
import { fieldsAt, isFields, own, type Fields } from "../json.ts";
import type { Workload } from "../kinds.ts";

/** A workload that is being made for a target. */
export interface Copy {
  readonly workload: Workload;
  readonly object: Fields;
  /** Name in the template. */
  readonly manifestName: string;
  /** Where its manifest is in the spec. */
  readonly field: string;
}

/** What has the pods' metadata and spec. */
export function templateOf({ workload, object, field }: Copy): Fields {
  const path = [field, ...workload.template].join(".");
  return (
    fieldsAt(object, workload.template) ?? fail(path, "is missing or not an object; add the pods' template")
  );
}

export function podSpecOf(copy: Copy): Fields {
  const spec = own(templateOf(copy), "spec");
  const path = podSpecField(copy);
  return isFields(spec) ? spec : fail(path, "is missing or not an object; add the pods' spec");
}

export const podSpecField = ({ workload, field }: Copy): string =>
  [field, ...workload.template, "spec"].join(".");
