// SPDX-License-Identifier: Apache-2.0
import {
  type Container,
  type DataObject,
  type DataObjects,
  type EnvFrom,
  type EnvVar,
  type KeySelector,
  PodError,
} from "../model/index.ts";
import { expand } from "./expand.ts";
import { type FieldContext, fieldValue, resourceValue } from "./fields.ts";

/** What the values of variables come from. */
export interface EnvContext extends FieldContext {
  readonly objects: DataObjects;
}

const NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

/** Text of a Secret's or ConfigMap's key. */
function textOf(
  kind: "configmap" | "secret",
  object: DataObject | undefined,
  key: string,
): string | undefined {
  const value = object?.data?.[key];
  if (value === undefined) return undefined;
  return kind === "secret" ? Buffer.from(value, "base64").toString("utf8") : value;
}

async function fromKey(
  kind: "configmap" | "secret",
  ref: KeySelector,
  context: EnvContext,
): Promise<string | undefined> {
  const name = ref.name ?? "";
  const object = await context.objects.get(kind, name);
  const value = textOf(kind, object, ref.key);
  if (value !== undefined || ref.optional === true) return value;
  if (!object) throw new PodError("NOT_FOUND", `${kind} "${name}" not found`);
  throw new PodError("NOT_FOUND", `couldn't find key ${ref.key} in ${kind} ${name}`);
}

async function valueOf(env: EnvVar, container: Container, context: EnvContext): Promise<string | undefined> {
  const from = env.valueFrom;
  if (from?.fieldRef) return fieldValue(from.fieldRef, context);
  if (from?.resourceFieldRef) return resourceValue(from.resourceFieldRef, context, container);
  if (from?.configMapKeyRef) return fromKey("configmap", from.configMapKeyRef, context);
  if (from?.secretKeyRef) return fromKey("secret", from.secretKeyRef, context);
  return env.value ?? "";
}

async function allOf(from: EnvFrom, context: EnvContext): Promise<readonly (readonly [string, string])[]> {
  const kind = from.secretRef ? "secret" : "configmap";
  const { name = "", optional = false } = from.secretRef ?? from.configMapRef ?? {};
  const object = await context.objects.get(kind, name);
  if (!object && !optional) throw new PodError("NOT_FOUND", `${kind} "${name}" not found`);
  return Object.keys(object?.data ?? {})
    .sort()
    .map((key) => [`${from.prefix ?? ""}${key}`, textOf(kind, object, key) ?? ""] as const)
    .filter(([variable]) => NAME.test(variable));
}

/**
 * Environment of a container: whole objects first, then its own variables in order; a later one wins,
 * and `$(NAME)` in a plain value sees those before it.
 *
 * @throws {PodError} NOT_FOUND, UNREACHABLE
 */
export async function environment(
  container: Container,
  context: EnvContext,
): Promise<ReadonlyMap<string, string>> {
  const result = new Map<string, string>();
  for (const from of container.envFrom ?? []) {
    for (const [name, value] of await allOf(from, context)) result.set(name, value);
  }
  for (const env of container.env ?? []) {
    const value = await valueOf(env, container, context);
    if (value === undefined) continue;
    result.set(env.name, env.valueFrom ? value : expand(value, result));
  }
  return result;
}
