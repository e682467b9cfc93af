// SPDX-License-Identifier: Apache-2.0
import type { DeviceModelProperty, DeviceModelSpec, DeviceProperty, DeviceSpec } from "./types.gen.ts";
import { judgeValue } from "./values.ts";

/** A broken rule: where, and what the user should know. */
export interface RuleViolation {
  /** Field path as kubectl prints it, for example `spec.properties[1].name`. */
  readonly field: string;
  readonly message: string;
  /** HTTP status of a refusal for this alone; 422, invalid content, when there is none. */
  readonly code?: 413;
}

interface NamedProperty {
  readonly name?: string;
}

/**
 * Property names are unique within one Device or DeviceModel.
 *
 * The sentence is KubeEdge's, so that users' scripts that look for it go on working.
 */
export function duplicateProperties(properties: readonly NamedProperty[] | undefined): RuleViolation[] {
  return duplicateNames(
    (properties ?? []).map(({ name = "" }, index) => ({ name, field: `spec.properties[${index}].name` })),
  );
}

/** The same over names that are kept elsewhere, as v1alpha2 does. Each later one of a name is a violation. */
export function duplicateNames(
  names: readonly { readonly name: string; readonly field: string }[],
): RuleViolation[] {
  const seen = new Set<string>();
  return names.flatMap(({ name, field }) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ field, message: "property names must be unique." }];
  });
}

/**
 * What of a Device does not fit its model: properties that the model has not, and wanted values that are of
 * another type, out of range, or wanted of what can only be read. An empty wanted value wants nothing. A method sets
 * the properties that it names, so they too are of the model and can be written.
 */
export function modelMismatches(device: DeviceSpec, model: DeviceModelSpec): RuleViolation[] {
  const known = new Map((model.properties ?? []).map((property) => [property.name ?? "", property]));
  const modelName = device.deviceModelRef?.name ?? "";
  const unknown = (field: string, name: string): RuleViolation => ({
    field,
    message: `the DeviceModel ${quoted(modelName)} has no property ${quoted(name)}`,
  });
  const ofProperties = (device.properties ?? []).flatMap((property, index) => {
    const at = `spec.properties[${index}]`;
    const inModel = known.get(property.name ?? "");
    return inModel === undefined
      ? [unknown(`${at}.name`, property.name ?? "")]
      : desiredMismatches(at, property, inModel);
  });
  const ofMethods = methodProperties(device).flatMap(({ field, name }) => {
    const inModel = known.get(name);
    if (inModel === undefined) return [unknown(field, name)];
    return inModel.accessMode === "ReadOnly" ? [readOnly(field, name)] : [];
  });
  return [...ofProperties, ...ofMethods];
}

/** Names of properties that methods set, each with its place. */
const methodProperties = ({ methods = [] }: DeviceSpec): { field: string; name: string }[] =>
  methods.flatMap(({ propertyNames = [] }, method) =>
    propertyNames.map((name, index) => ({ field: `spec.methods[${method}].propertyNames[${index}]`, name })),
  );

const readOnly = (field: string, name: string): RuleViolation => ({
  field,
  message: `the property ${quoted(name)} is ReadOnly in its DeviceModel`,
});

function desiredMismatches(
  at: string,
  { name = "", desired }: DeviceProperty,
  inModel: DeviceModelProperty,
): RuleViolation[] {
  if (desired === undefined || desired.value === "") return [];
  const field = `${at}.desired`;
  if (inModel.accessMode === "ReadOnly") return [readOnly(field, name)];
  const fault = judgeValue(desired.value, inModel);
  return fault === undefined
    ? []
    : [{ field: `${field}.value`, message: `${quoted(desired.value)} ${fault}` }];
}

/** Bounds of a DeviceModel that no value can meet, or that are no numbers. */
export function unusableBounds(model: DeviceModelSpec): RuleViolation[] {
  return (model.properties ?? []).flatMap((property, index) => {
    const { minimum = "", maximum = "", type } = property;
    const at = `spec.properties[${index}]`;
    if (type === undefined || !NUMERIC.has(type)) return [];
    const faults = Object.entries({ minimum, maximum }).flatMap(([name, value]) => {
      const fault = value === "" ? undefined : judgeValue(value, { type });
      return fault === undefined ? [] : [{ field: `${at}.${name}`, message: `${quoted(value)} ${fault}` }];
    });
    if (faults.length > 0 || minimum === "" || maximum === "") return faults;
    return judgeValue(minimum, { type, maximum }) === undefined
      ? []
      : [{ field: `${at}.minimum`, message: `${quoted(minimum)} is over the maximum ${quoted(maximum)}` }];
  });
}

const NUMERIC = new Set(["INT", "FLOAT", "DOUBLE"]);
const SHOWN_CHARS = 64;

/** As in a sentence; what is long is cut. */
const quoted = (text: string): string =>
  JSON.stringify(text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text);
