// SPDX-License-Identifier: Apache-2.0
import { fail } from "./fault.ts";
import { canonicalJson, fieldsAt, isFields, own, type Fields } from "./json.ts";
import { workloadOf } from "./kinds.ts";

/**
 * Leaves out what server-side apply refuses though creating takes it: variables of the same name, of which the last
 * counts, and ports and pull secrets that are there twice.
 *
 * @throws {RenderFaultError} when a value refers to a variable that is there twice: which one depends on the order
 */
export function dropDuplicates(object: Fields, apiVersion: string, kind: string, field: string): void {
  const workload = workloadOf(apiVersion, kind);
  if (workload === undefined) return;
  const podSpec = fieldsAt(object, [...workload.template, "spec"]) ?? {};
  dropEqual(podSpec, "imagePullSecrets");
  for (const list of ["containers", "initContainers"]) {
    for (const container of itemsOf(podSpec, list)) {
      dropEqual(container, "ports");
      dropVariables(container, [field, ...workload.template, "spec", list].join("."));
    }
  }
}

function itemsOf(fields: Fields, key: string): Fields[] {
  const list = own(fields, key);
  return Array.isArray(list) ? list.filter(isFields) : [];
}

function dropEqual(fields: Fields, key: string): void {
  const list = own(fields, key);
  if (!Array.isArray(list)) return;
  const items = list as unknown[];
  const byText = new Map(items.map((item) => [canonicalJson(item), item]));
  if (byText.size < items.length) fields[key] = [...byText.values()];
}

function dropVariables(container: Fields, field: string): void {
  const variables = itemsOf(container, "env");
  const last = new Map(variables.map((one) => [own(one, "name"), one]));
  if (last.size === variables.length) return;
  for (const [name, one] of last) {
    if (variables.some((other) => other !== one && own(other, "name") === name)) {
      refuseReferences(variables, String(name), field);
    }
  }
  container["env"] = variables.filter((one) => last.get(own(one, "name")) === one);
}

function refuseReferences(variables: readonly Fields[], name: string, field: string): void {
  const isReferred = variables.some((one) => String(own(one, "value")).includes(`$(${name})`));
  if (isReferred) fail(`${field}[].env`, `has ${name} twice, and values that refer to it; name it once`);
}
