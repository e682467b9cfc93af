// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO } from "../marks.ts";
import type { LabelRequirement } from "../types.gen.ts";
import { canonicalJson, fieldsOf, isFields, listOf, own, type Fields } from "./json.ts";
import { requirementsOf } from "./names.ts";
import type { Target } from "./types.ts";

/** Which nodes a copy's pods may run on. */
export interface Placement {
  /** Entries of the pods' nodeSelector. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Added to each term of the pods' required node affinity. */
  readonly requirements: readonly LabelRequirement[];
}

/** The nodes of a target, and among them those that meet the requirements. */
export function placementOf(target: Target, requirements: readonly LabelRequirement[]): Placement {
  return {
    nodeSelector: target.group === undefined ? {} : { [BELONGING_TO]: target.group },
    requirements: [...(target.labelSelector ? requirementsOf(target.labelSelector) : []), ...requirements],
  };
}

/** Binds pods to the nodes, in addition to what their author asks for. Doing it again changes nothing. */
export function place(podSpec: Fields, { nodeSelector, requirements }: Placement, field: string): void {
  const selected = Object.entries(nodeSelector);
  if (selected.length > 0) Object.assign(fieldsOf(podSpec, "nodeSelector", field), nodeSelector);
  if (requirements.length > 0) require(podSpec, requirements, field);
}

function require(podSpec: Fields, requirements: readonly LabelRequirement[], field: string): void {
  const affinity = fieldsOf(podSpec, "affinity", field);
  const nodeAffinity = fieldsOf(affinity, "nodeAffinity", `${field}.affinity`);
  const path = `${field}.affinity.nodeAffinity`;
  const required = fieldsOf(nodeAffinity, "requiredDuringSchedulingIgnoredDuringExecution", path);
  // A term without conditions matches no node: with conditions of ours it would.
  const terms = listOf(
    required,
    "nodeSelectorTerms",
    `${path}.requiredDuringSchedulingIgnoredDuringExecution`,
  )
    .filter(isFields)
    .filter((term) => hasItems(term, "matchExpressions") || hasItems(term, "matchFields"));
  required["nodeSelectorTerms"] = (terms.length > 0 ? terms : [{}]).map((term) =>
    restricted(term, requirements, path),
  );
}

const hasItems = (term: Fields, key: string): boolean => {
  const list = own(term, key);
  return Array.isArray(list) && list.length > 0;
};

function restricted(term: Fields, requirements: readonly LabelRequirement[], path: string): Fields {
  const expressions = listOf(term, "matchExpressions", `${path}.nodeSelectorTerms[]`);
  const present = new Set(expressions.map(canonicalJson));
  const missing = requirements.filter((one) => !present.has(canonicalJson(one))).map((one) => ({ ...one }));
  return { ...term, matchExpressions: [...expressions, ...missing] };
}
