// SPDX-License-Identifier: Apache-2.0

/** A broken rule: where, and what the user should know. */
export interface RuleViolation {
  /** Field path as kubectl prints it, for example `spec.properties[1].name`. */
  readonly field: string;
  readonly message: string;
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
  const seen = new Set<string>();
  return (properties ?? []).flatMap(({ name = "" }, index) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ field: `spec.properties[${index}].name`, message: "property names must be unique." }];
  });
}
