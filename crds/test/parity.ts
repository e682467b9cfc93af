// SPDX-License-Identifier: Apache-2.0

/** The part of an OpenAPI v3 schema that CRDs use. */
export type Schema = {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  required?: string[];
  [keyword: string]: unknown;
};

/** Keywords that may be added to a field that KubeEdge has: they refuse nothing that it accepts. */
const harmless = new Set(["description", "default", "x-kubernetes-validations"]);

/**
 * What is meant to be tighter: no image can have another name, and no value may set other fields than its own. What is
 * meant to be looser: a status keeps what the newer version has when a job is written in the older one.
 */
const allowed = new Set([
  "imageprepulljobs.operations.kubeedge.io/v1alpha1.spec.imagePrePullTemplate.images[] pattern",
  "imageprepulljobs.operations.kubeedge.io/v1alpha2.spec.imagePrePullTemplate.images[] pattern",
  "configupdatejobs.operations.kubeedge.io/v1alpha2.spec.updateFields{} pattern",
  "imageprepulljobs.operations.kubeedge.io/v1alpha1.status x-kubernetes-preserve-unknown-fields",
  "nodeupgradejobs.operations.kubeedge.io/v1alpha1.status x-kubernetes-preserve-unknown-fields",
  "nodeupgradejobs.operations.kubeedge.io/v1alpha1.status.nodeStatus[] x-kubernetes-preserve-unknown-fields",
]);

/** Where `ours` lacks or narrows something of `theirs`; empty when ours only adds. */
export function compareSchemas(theirs: Schema, ours: Schema | undefined, path: string): string[] {
  if (ours === undefined) return [`${path} is missing`];
  return [
    ...compareKeywords(theirs, ours, path),
    ...compareRequired(theirs, ours, path),
    ...children(theirs, ours, path),
  ];
}

/** Number of schema nodes in the tree. */
export function countNodes(schema: Schema): number {
  const below = [...Object.values(schema.properties ?? {}), ...subschemas(schema)];
  return below.reduce((sum, child) => sum + countNodes(child), 1);
}

function compareKeywords(theirs: Schema, ours: Schema, path: string): string[] {
  const structural = ["properties", "items", "additionalProperties", "required"];
  const keywords = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
  return [...keywords]
    .filter((keyword) => !structural.includes(keyword))
    .filter((keyword) => !(harmless.has(keyword) && theirs[keyword] === undefined))
    .filter((keyword) => !allowed.has(`${path} ${keyword}`))
    .filter((keyword) => JSON.stringify(theirs[keyword]) !== JSON.stringify(ours[keyword]))
    .map((keyword) => `${path} differs in ${keyword}`);
}

function compareRequired(theirs: Schema, ours: Schema, path: string): string[] {
  const [their, our] = [[...(theirs.required ?? [])].sort(), [...(ours.required ?? [])].sort()];
  return JSON.stringify(their) === JSON.stringify(our)
    ? []
    : [`${path} requires ${our.join()} instead of ${their.join()}`];
}

function children(theirs: Schema, ours: Schema, path: string): string[] {
  const faults = Object.entries(theirs.properties ?? {}).flatMap(([name, schema]) =>
    compareSchemas(schema, ours.properties?.[name], `${path}.${name}`),
  );
  if (theirs.items !== undefined) faults.push(...compareSchemas(theirs.items, ours.items, `${path}[]`));
  if (typeof theirs.additionalProperties !== "object") {
    if (theirs.additionalProperties !== ours.additionalProperties) faults.push(`${path}{} differs`);
    return faults;
  }
  const values = typeof ours.additionalProperties === "object" ? ours.additionalProperties : undefined;
  return [...faults, ...compareSchemas(theirs.additionalProperties, values, `${path}{}`)];
}

function subschemas(schema: Schema): Schema[] {
  const values = typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
  return schema.items === undefined ? values : [...values, schema.items];
}
