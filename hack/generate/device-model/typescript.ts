// SPDX-License-Identifier: Apache-2.0
import { constantName, inComment, literal, memberKey, objectKey, typeName } from "./names.ts";
import type { Model, ModelProperty } from "./read.ts";

/** The TypeScript file of a model: its values by property, the names as unions, and its facts as a constant. */
export function typescriptOf(model: Model): string {
  const type = typeName(model.name);
  const values = model.properties.filter((property) => property.type !== "STREAM");
  const writable = values.filter((property) => !property.isReadOnly);
  const streams = model.properties.filter((property) => property.type === "STREAM");
  return [
    `// Made by \`make model-types\` of the DeviceModel ${model.name}: do not edit, make it again.`,
    "",
    `/** Values of a device of the model ${model.name}, by property. */`,
    `export interface ${type} {`,
    ...values.flatMap(member),
    "}",
    "",
    "/** Names of the properties that have a value. */",
    `export type ${type}Property = ${union(values)};`,
    "",
    "/** Names of those that can be written. */",
    `export type ${type}Writable = ${union(writable)};`,
    "",
    "/** Names of those that are streams. */",
    `export type ${type}Stream = ${union(streams)};`,
    "",
    "/** What the model says of its properties. */",
    `export const ${constantName(model.name)} = {`,
    `  model: ${literal(model.name)},`,
    `  protocol: ${literal(model.protocol)},`,
    "  properties: {",
    ...model.properties.map((property) => `    ${objectKey(property.name)}: ${facts(property)},`),
    "  },",
    "} as const;",
    "",
  ].join("\n");
}

const union = (properties: readonly ModelProperty[]): string =>
  properties.length === 0 ? "never" : properties.map(({ name }) => literal(name)).join(" | ");

function member(property: ModelProperty): string[] {
  const { name, isReadOnly } = property;
  return [
    `  /** ${comment(property)} */`,
    `  ${isReadOnly ? "readonly " : ""}${memberKey(name)}: ${valueType(property)};`,
  ];
}

function comment(property: ModelProperty): string {
  const { description, type, minimum, maximum, unit } = property;
  const range =
    minimum !== "" && maximum !== ""
      ? `${minimum} to ${maximum}`
      : `${minimum && `at least ${minimum}`}${maximum && `at most ${maximum}`}`;
  const said = inComment(description).replace(/\.$/, "");
  const told = [type, inComment(range), inComment(unit) && `in ${inComment(unit)}`]
    .filter(Boolean)
    .join(", ");
  return `${said && `${said}. `}${told}.`;
}

function valueType(property: ModelProperty): string {
  switch (property.type) {
    case "INT":
      return isExact(property) ? "number" : "number | bigint";
    case "FLOAT":
    case "DOUBLE":
      return "number";
    case "BOOLEAN":
      return "boolean";
    case "BYTES":
      return "Uint8Array";
    default:
      return "string";
  }
}

/** Whether each value of an INT fits a number; without bounds it has 64 bits. */
function isExact({ minimum, maximum }: ModelProperty): boolean {
  const isSafe = (bound: string): boolean =>
    bound !== "" && Math.abs(Number(bound)) <= Number.MAX_SAFE_INTEGER;
  return isSafe(minimum) && isSafe(maximum);
}

function facts({ type, isReadOnly, minimum, maximum, unit }: ModelProperty): string {
  const entries = {
    ...{ type, accessMode: isReadOnly ? "ReadOnly" : "ReadWrite" },
    ...(minimum !== "" && { minimum }),
    ...(maximum !== "" && { maximum }),
    ...(unit !== "" && { unit }),
  };
  return `{ ${Object.entries(entries)
    .map(([key, value]) => `${key}: ${literal(value)}`)
    .join(", ")} }`;
}
