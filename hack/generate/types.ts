// SPDX-License-Identifier: Apache-2.0
import { compile, type JSONSchema } from "json-schema-to-typescript";
import type { KindVersion, Schema } from "./manifests.ts";
import { nameParts, type Definitions } from "./names.ts";
import type { Outputs } from "./outputs.ts";

const header = `// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run \`npx node hack/generate/index.ts\`.
`;

/** `types.gen.ts` of each group and version: an interface a kind, and one for each part worth a name. */
export async function typeOutputs(kinds: KindVersion[]): Promise<Outputs> {
  const outputs: Outputs = new Map();
  for (const [folder, members] of byFolder(kinds)) {
    outputs.set(`crds/src/${folder}/types.gen.ts`, await typesOf(members));
  }
  return outputs;
}

/** Kinds by `<group>/<version>`. */
export function byFolder(kinds: KindVersion[]): Map<string, KindVersion[]> {
  const folders = new Map<string, KindVersion[]>();
  for (const kind of kinds) {
    const folder = `${kind.folder}/${kind.version}`;
    folders.set(folder, [...(folders.get(folder) ?? []), kind]);
  }
  return folders;
}

async function typesOf(kinds: KindVersion[]): Promise<string> {
  const taken = new Set(kinds.map(({ kind }) => kind));
  const definitions: Definitions = {};
  for (const kind of kinds) definitions[kind.kind] = rootSchema(kind, nameParts(kind, taken, definitions));
  const text = await compile({ definitions: convertAll(definitions) } as JSONSchema, "Unused", {
    additionalProperties: false,
    bannerComment: "",
    format: true,
    // Limits are the schema's; as types they would be tuples of every length.
    ignoreMinAndMaxItems: true,
    style: { printWidth: 110 },
    unreachableDefinitions: true,
  });
  const body = tidy(text);
  return `${header}${imports(body)}\n${body}\n`;
}

/** Drops the root that only carries the definitions, and puts each comment on one line. */
function tidy(text: string): string {
  return text
    .replace(/export interface Unused \{[^}]*\}\n/u, "")
    .replaceAll(/ \* This interface was referenced by `Unused`.*\n \* via the `definition`.*\n/gu, "")
    .replaceAll(/\/\*\*\n( \*\n)* \*\/\n/gu, "")
    .replaceAll(/\/\*\*\n *\* (.*)\n( *\*\n)* *\*\//gu, "/** $1 */")
    .replaceAll(/^\}\n(?=\S)/gmu, "}\n\n")
    .trim();
}

function imports(body: string): string {
  const used = ["Condition", "ObjectMeta"].filter((name) => new RegExp(`\\b${name}\\b`, "u").test(body));
  return `import type { ${used.join(", ")} } from "../../meta.ts";\n`;
}

function rootSchema({ group, version, kind }: KindVersion, schema: Schema): Schema {
  return {
    ...schema,
    required: ["apiVersion", "kind", "metadata", ...(schema.required ?? [])],
    properties: {
      ...schema.properties,
      apiVersion: { type: "string", tsType: JSON.stringify(`${group}/${version}`) },
      kind: { type: "string", tsType: JSON.stringify(kind) },
      metadata: { tsType: "ObjectMeta" },
    },
  };
}

function convertAll(schemas: Record<string, Schema>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, convert(schema)]));
}

/** What json-schema-to-typescript would otherwise get wrong: free-form objects, int-or-string, conditions. */
function convert(schema: Schema): Schema {
  if (schema["x-kubernetes-int-or-string"] === true) return { tsType: "number | string" };
  const isFree = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (isFree && schema.type === undefined) return { ...schema, tsType: "unknown" };
  const converted: Schema = { ...schema };
  if (isFree) converted.additionalProperties = true;
  if (schema.properties) converted.properties = convertAll(schema.properties);
  if (schema.items) converted.items = convert(schema.items);
  if (typeof schema.additionalProperties === "object") {
    converted.additionalProperties = convert(schema.additionalProperties);
  }
  return converted;
}
