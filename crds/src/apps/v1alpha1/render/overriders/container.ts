// SPDX-License-Identifier: Apache-2.0
import type {
  EdgeApplicationArgsOverrider,
  EdgeApplicationEnvOverrider,
  EdgeApplicationResourcesOverrider,
} from "../../types.gen.ts";
import { fail, quoted } from "../fault.ts";
import { fieldsOf, isFields, listOf, own, type Fields } from "../json.ts";

/** Appends to, or removes from, a container's command or args. */
export function overrideWords(
  container: Fields,
  key: "command" | "args",
  { operator, value = [] }: EdgeApplicationArgsOverrider,
  field: string,
): void {
  const words = listOf(container, key, field);
  switch (operator) {
    case "add":
      if (value.length > 0) container[key] = [...words, ...value];
      return;
    case "remove":
      if (words.length > 0) container[key] = words.filter((word) => !value.includes(String(word)));
      return;
    default:
      fail(`${field}.operator`, `is ${quoted(operator)}; use add or remove`);
  }
}

/** Sets or removes a container's variables. Those that stay keep their places, new ones come last. */
export function overrideEnv(
  container: Fields,
  { operator, value = [] }: EdgeApplicationEnvOverrider,
  field: string,
): void {
  const variables = listOf(container, "env", field);
  switch (operator) {
    case "add":
    case "replace":
      if (value.length > 0) container["env"] = value.reduce(withNamed, variables);
      return;
    case "remove": {
      const names = new Set<unknown>(value.map(({ name }) => name));
      if (variables.length > 0) container["env"] = variables.filter((one) => !names.has(nameOf(one)));
      return;
    }
    default:
      fail(`${field}.operator`, `is ${quoted(operator)}; use add, replace or remove`);
  }
}

const nameOf = (item: unknown): unknown => (isFields(item) ? own(item, "name") : undefined);

/** The list with an item in the place of the last of the same name, or behind all. */
function withNamed(list: readonly unknown[], item: { readonly name: string }): unknown[] {
  const index = list.findLastIndex((one) => nameOf(one) === item.name);
  return index < 0 ? [...list, { ...item }] : list.with(index, { ...item });
}

/** Sets named requests, limits and claims of a container; the others stay. Zero and empty change nothing. */
export function overrideResources(
  container: Fields,
  { value }: EdgeApplicationResourcesOverrider,
  field: string,
): void {
  for (const key of ["limits", "requests"] as const) {
    const changes = Object.entries(value[key] ?? {}).filter(([, quantity]) => !isZero(quantity));
    if (changes.length === 0) continue;
    const amounts = fieldsOf(fieldsOf(container, "resources", field), key, field);
    for (const [resource, quantity] of changes) amounts[resource] = quantity;
  }
  if ((value.claims ?? []).length === 0) return;
  const resources = fieldsOf(container, "resources", field);
  resources["claims"] = (value.claims ?? []).reduce(withNamed, listOf(resources, "claims", field));
}

const isZero = (quantity: unknown): boolean => /^[+-]?0*\.?0*(?:[a-zA-Z].*)?$/.test(String(quantity));
