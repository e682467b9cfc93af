// SPDX-License-Identifier: Apache-2.0
import { parseAllDocuments } from "yaml";
import {
  duplicateProperties,
  unusableBounds,
  type DeviceModel,
  type DeviceModelProperty,
} from "../../../crds/src/devices/v1beta1/index.ts";

export type PropertyType = NonNullable<DeviceModelProperty["type"]>;

/** One property of a model, with what is left out filled in. */
export interface ModelProperty {
  readonly name: string;
  readonly description: string;
  readonly type: PropertyType;
  readonly isReadOnly: boolean;
  /** "" for none */
  readonly minimum: string;
  readonly maximum: string;
  readonly unit: string;
}

export interface Model {
  readonly name: string;
  readonly protocol: string;
  readonly properties: readonly ModelProperty[];
}

const TYPES: ReadonlySet<string> = new Set<PropertyType>([
  ...(["INT", "FLOAT", "DOUBLE", "STRING", "BOOLEAN", "BYTES", "STREAM"] as const),
]);
/** What the API server takes, too; it becomes the name of a file. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * The DeviceModels of a YAML text, which may hold other objects, too.
 *
 * @throws {Error} that names the document and what is wrong with it
 */
export function readModels(text: string): Model[] {
  const models = parseAllDocuments(text).flatMap((document, index) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`document ${index + 1}: ${error.message}`);
    const object = document.toJS() as Partial<DeviceModel> | null;
    return object?.kind === "DeviceModel" ? [modelOf(object)] : [];
  });
  if (models.length === 0) throw new Error("there is no DeviceModel in it");
  return models;
}

function modelOf({ apiVersion, metadata, spec = {} }: Partial<DeviceModel>): Model {
  const name = metadata?.name ?? "";
  const fail = (what: string): never => {
    throw new Error(`DeviceModel ${JSON.stringify(name)}: ${what}`);
  };
  if (apiVersion !== "devices.kubeedge.io/v1beta1")
    return fail(`its apiVersion is ${String(apiVersion)}, not devices.kubeedge.io/v1beta1`);
  if (!NAME.test(name)) return fail("no object can have this name");
  const [fault] = [...duplicateProperties(spec.properties), ...unusableBounds(spec)];
  if (fault !== undefined) return fail(`${fault.field}: ${fault.message}`);
  const properties = (spec.properties ?? []).map((property, index) => {
    if (!property.name) return fail(`spec.properties[${index}] has no name`);
    if (property.type !== undefined && !TYPES.has(property.type))
      return fail(`spec.properties[${index}].type is none of ${[...TYPES].join(", ")}`);
    return filled(property, property.name);
  });
  return { name, protocol: spec.protocol ?? "", properties };
}

/** A property without a type takes any text, and one without an access mode can be written, as everywhere. */
const filled = (property: DeviceModelProperty, name: string): ModelProperty => ({
  name,
  description: property.description ?? "",
  type: property.type ?? "STRING",
  isReadOnly: property.accessMode === "ReadOnly",
  minimum: property.minimum ?? "",
  maximum: property.maximum ?? "",
  unit: property.unit ?? "",
});
