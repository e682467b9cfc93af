// SPDX-License-Identifier: Apache-2.0
import type { DeviceModelProperty, DeviceModelSpec, DeviceSpec } from "@longshore/crds/devices";

/** Name, and the wanted value where there is one. */
type PropertyFacts = readonly [name: string, desired?: string];
type Facts = readonly [
  model: string,
  properties: readonly PropertyFacts[],
  methods: readonly (readonly string[])[],
];

/**
 * What a device is judged by, as one text: of a hundred thousand devices with ten properties, objects would take some
 * 200 MB, texts take 25.
 */
export function factsOf({ deviceModelRef, properties = [], methods = [] }: DeviceSpec): string {
  const facts: Facts = [
    deviceModelRef?.name ?? "",
    properties.map(({ name = "", desired }) => (desired === undefined ? [name] : [name, desired.value])),
    methods.map(({ propertyNames = [] }) => propertyNames),
  ];
  return JSON.stringify(facts);
}

/** The spec that `factsOf` was given, as far as it is judged by. */
export function specOf(facts: string): DeviceSpec {
  const [name, properties, methods] = JSON.parse(facts) as Facts;
  return {
    deviceModelRef: { name },
    properties: properties.map(([property, value]) => ({
      name: property,
      ...(value !== undefined && { desired: { value } }),
    })),
    methods: methods.map((propertyNames) => ({ propertyNames: [...propertyNames] })),
  };
}

/** What devices are judged by of their model. Models are few: it stays an object. */
export const modelFacts = ({ properties = [] }: DeviceModelSpec): DeviceModelSpec => ({
  properties: properties.map(({ name, type, accessMode, minimum, maximum }): DeviceModelProperty => ({
    ...(name !== undefined && { name }),
    ...(type !== undefined && { type }),
    ...(accessMode !== undefined && { accessMode }),
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
  })),
});
