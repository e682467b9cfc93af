// SPDX-License-Identifier: Apache-2.0
import type { KindVersion, Schema } from "./manifests.ts";
import type { Outputs } from "./outputs.ts";
import { byFolder } from "./types.ts";

const header = `// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run \`npx node hack/generate/index.ts\`.
`;

/** `schema.gen.ts` of each group and version: JSON schemas by kind, as ajv in strict mode takes them. */
export function schemaOutputs(kinds: KindVersion[]): Outputs {
  const outputs: Outputs = new Map();
  for (const [folder, members] of byFolder(kinds)) {
    const schemas = Object.fromEntries(members.map(({ kind, schema }) => [kind, jsonSchema(schema)]));
    const text = `export const schemas: Readonly<Record<string, object>> = ${JSON.stringify(schemas, null, 1)};\n`;
    outputs.set(`crds/src/${folder}/schema.gen.ts`, `${header}${text}`);
  }
  return outputs;
}

const kept = [
  "type",
  "enum",
  "default",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "required",
];

/**
 * Without prose, Kubernetes' own keywords, CEL and formats. Unknown fields pass, as the API server
 * prunes them instead of refusing the object.
 */
function jsonSchema(schema: Schema): Schema {
  if (schema["x-kubernetes-int-or-string"] === true)
    return { type: ["integer", "string"] } as unknown as Schema;
  const result: Schema = {};
  for (const keyword of kept) if (keyword in schema) result[keyword] = schema[keyword];
  if (schema.properties) {
    const entries = Object.entries(schema.properties).map(([name, child]) => [name, jsonSchema(child)]);
    result.properties = Object.fromEntries(entries) as Record<string, Schema>;
  }
  if (schema.items) result.items = jsonSchema(schema.items);
  if (typeof schema.additionalProperties === "object") {
    result.additionalProperties = jsonSchema(schema.additionalProperties);
  }
  return result;
}
