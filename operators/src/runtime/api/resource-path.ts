// SPDX-License-Identifier: Apache-2.0
import type { ObjectName, Resource } from "../client.ts";
import { TerminalError } from "../errors.ts";

/** `v1`, `apps/v1`. */
export const apiVersionOf = (resource: Resource): string =>
  resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;

/** Path of all objects of a kind, in one namespace or everywhere. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const base = resource.group === "" ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : "";
  return `${base}${scope}/${resource.plural}`;
}

/**
 * Path of one object.
 *
 * @throws {TerminalError} when a namespaced kind has no namespace, or a part could climb out of its place
 */
export function objectPath(
  resource: Resource,
  { name, namespace }: ObjectName,
  subresource?: string,
): string {
  requireNamespace(resource, namespace);
  const path = `${collectionPath(resource, namespace)}/${segment(name)}`;
  return subresource === undefined ? path : `${path}/${segment(subresource)}`;
}

/** Path that a new object is posted to. */
export function creationPath(resource: Resource, namespace: string | undefined): string {
  requireNamespace(resource, namespace);
  return collectionPath(resource, namespace);
}

function requireNamespace(resource: Resource, namespace: string | undefined): void {
  if (resource.namespaced && (namespace === undefined || namespace === "")) {
    throw new TerminalError(`${resource.kind} is namespaced, and no namespace was given`);
  }
}

function segment(part: string): string {
  if (part === "" || part === "." || part === ".." || part.includes("/") || part.includes("%")) {
    throw new TerminalError(`${JSON.stringify(part)} is no part of an object's path`);
  }
  return encodeURIComponent(part);
}
