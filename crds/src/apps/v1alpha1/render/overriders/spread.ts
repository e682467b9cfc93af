// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationOverriders } from "../../types.gen.ts";
import { fail } from "../fault.ts";
import { fieldsAt, isFields, listOf, own, type Fields } from "../json.ts";
import { podSpecField, podSpecOf, templateOf, type Copy } from "./copy.ts";

type Spread = NonNullable<EdgeApplicationOverriders["spread"]>;

/** Spreads the pods over the nodes. Not a DaemonSet's, which has one on each. */
export function overrideSpread(copy: Copy, spread: Spread, field: string): void {
  if (copy.workload.kind === "DaemonSet") return;
  const podSpec = podSpecOf(copy);
  const constraint: Fields = {
    maxSkew: spread.maxSkew ?? 1,
    topologyKey: spread.topologyKey ?? "kubernetes.io/hostname",
    whenUnsatisfiable: spread.whenUnsatisfiable ?? "ScheduleAnyway",
    labelSelector: selectorOf(copy, field),
  };
  const others = listOf(podSpec, "topologySpreadConstraints", podSpecField(copy)).filter(
    (one) => !isFields(one) || !isSamePlace(one, constraint),
  );
  podSpec["topologySpreadConstraints"] = [...others, constraint];
}

/** Two constraints of a pod must differ in one of them. */
const isSamePlace = (a: Fields, b: Fields): boolean =>
  ["topologyKey", "whenUnsatisfiable"].every((key) => own(a, key) === own(b, key));

/** What tells the workload's pods from others: its selector, or the pods' labels where the selector is made later. */
function selectorOf(copy: Copy, field: string): Fields {
  const selector = copy.workload.group === "apps" ? fieldsAt(copy.object, ["spec", "selector"]) : undefined;
  if (selector !== undefined && Object.keys(selector).length > 0) return cloned(selector);
  const labels = fieldsAt(templateOf(copy), ["metadata", "labels"]);
  if (labels === undefined || Object.keys(labels).length === 0) {
    fail(field, "cannot tell the pods from others; give them labels in the manifest");
  }
  return { matchLabels: cloned(labels) };
}

const cloned = (fields: Fields): Fields => JSON.parse(JSON.stringify(fields)) as Fields;
