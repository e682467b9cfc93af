// SPDX-License-Identifier: Apache-2.0

/** The part of a CRD's schema that tells types. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const TESTS: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value) => typeof value === "string",
  integer: Number.isInteger,
  number: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
};

/**
 * The first field of a value that is of another type than its schema says; undefined when rules can read it. The API
 * server lets none such through, but anybody can call a webhook.
 */
export function misfit(schema: object, value: unknown, at: string): string | undefined {
  const { type = "", properties = {}, items, additionalProperties: values }: Schema = schema;
  if (TESTS[type]?.(value) === false) return `${at}: is no ${type}`;
  if (Array.isArray(value))
    return items && first(value, (each, index) => misfit(items, each, `${at}[${index}]`));
  if (type !== "object") return undefined;
  return first(Object.entries(value as Fields), ([name, each]) => {
    const inner = Object.hasOwn(properties, name) ? properties[name] : values;
    return typeof inner === "object" ? misfit(inner, each, `${at}.${name}`) : undefined;
  });
}

/** The schema of a field; one that everything fits when there is none. */
export function fieldOf(schema: object | undefined, name: string): object {
  const { properties = {} }: Schema = schema ?? {};
  return properties[name] ?? {};
}

function first<T>(
  values: readonly T[],
  find: (value: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, value] of values.entries()) {
    const found = find(value, index);
    if (found !== undefined) return found;
  }
  return undefined;
}
