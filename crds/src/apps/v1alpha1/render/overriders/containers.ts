// SPDX-License-Identifier: Apache-2.0
import { fail } from "../fault.ts";
import { isFields, listOf, own, type Fields } from "../json.ts";
import { podSpecField, podSpecOf, type Copy } from "./copy.ts";

/** The containers in these lists of the pods' spec. */
export function containersOf(copy: Copy, lists: readonly string[], field: string): Fields[] {
  const podSpec = podSpecOf(copy);
  const path = podSpecField(copy);
  return lists
    .flatMap((list) => listOf(podSpec, list, path))
    .map((one) => (isFields(one) ? one : fail(field, `finds something that is not an object in ${path}`)));
}

/** The container or init container of this name: in a pod there is at most one. */
export const containersNamed = (copy: Copy, name: string, field: string): Fields[] =>
  containersOf(copy, ["containers", "initContainers"], field).filter((one) => own(one, "name") === name);
