// SPDX-License-Identifier: Apache-2.0
import { typeName } from "./names.ts";
import type { Model, ModelProperty } from "./read.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON schema (draft 7) of the values of a device, as JSON. A device may have some of the properties only: none
 * is required, and none that the model has not is allowed. Streams have no value.
 */
export function schemaOf(model: Model): string {
  const values = model.properties.filter(({ type }) => type !== "STREAM");
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: typeName(model.name),
    description: `Values of a device of the model ${model.name}, by property.`,
    type: "object",
    // From entries: a property named __proto__ is one like any other.
    properties: Object.fromEntries(values.map((property) => [property.name, valueSchema(property)])),
    additionalProperties: false,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function valueSchema(property: ModelProperty): JsonSchema {
  const { description, unit, isReadOnly } = property;
  const told = [description, unit && `Unit: ${unit}`].filter(Boolean).join(". ");
  return {
    ...(told !== "" && { description: told }),
    ...shapeOf(property),
    ...(isReadOnly && { readOnly: true }),
  };
}

function shapeOf({ type, minimum, maximum }: ModelProperty): JsonSchema {
  const bounds = {
    ...(minimum !== "" && { minimum: Number(minimum) }),
    ...(maximum !== "" && { maximum: Number(maximum) }),
  };
  switch (type) {
    case "INT":
      return { type: "integer", ...bounds };
    case "FLOAT":
    case "DOUBLE":
      return { type: "number", ...bounds };
    case "BOOLEAN":
      return { type: "boolean" };
    case "BYTES":
      return { type: "string", contentEncoding: "base64", pattern: BASE64 };
    default:
      return { type: "string" };
  }
}

const BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";
