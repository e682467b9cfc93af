// SPDX-License-Identifier: Apache-2.0
import { ONCE } from "../marks.ts";
import { fail, quoted } from "./fault.ts";
import { cloneJson, fieldsAt, isFields, own, type Fields } from "./json.ts";
import { isClusterScoped, workloadOf, type Workload } from "./kinds.ts";
import type { RenderLimits } from "./limits.ts";
import type { Owner, RenderedSpec } from "./types.ts";

/** A manifest that can become an object: checked, and a copy of the author's. */
export interface Manifest {
  readonly ordinal: number;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly fields: Fields;
  readonly metadata: Fields;
}

/** Whether there is a copy for each target: a workload whose author did not say that it is to exist once. */
export function isCopied(manifest: unknown): boolean {
  return copiedWorkload(manifest) !== undefined;
}

/** What is known of the kind of a manifest that is copied for each target; undefined for those that are not. */
export function copiedWorkload(manifest: unknown): Workload | undefined {
  if (!isFields(manifest)) return undefined;
  const apiVersion = own(manifest, "apiVersion");
  const kind = own(manifest, "kind");
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const annotations = fieldsAt(manifest, ["metadata", "annotations"]);
  if (annotations !== undefined && own(annotations, ONCE) === "true") return undefined;
  return workloadOf(apiVersion, kind);
}

/** Kind and name for messages, as far as there are any. */
export function titleOf(manifest: unknown): string {
  const kind = isFields(manifest) ? own(manifest, "kind") : undefined;
  const name = own(fieldsAt(manifest, ["metadata"]) ?? {}, "name");
  return [kind, name].filter((part) => typeof part === "string" && part !== "").join(" ");
}

/** The manifests of a spec, whatever they are. */
export const manifestsOf = ({ workloadTemplate }: RenderedSpec): readonly unknown[] =>
  Array.isArray(workloadTemplate?.manifests) ? workloadTemplate.manifests : [];

export const manifestField = (ordinal: number): string => `workloadTemplate.manifests[${String(ordinal)}]`;

/**
 * Reads a manifest.
 *
 * @throws {RenderFaultError} when no object can be made of it
 */
export function readManifest(source: unknown, ordinal: number, owner: Owner, limits: RenderLimits): Manifest {
  const field = manifestField(ordinal);
  if (!isFields(source)) fail(field, "is not an object; write one as for kubectl apply");
  const fields = cloneJson(source, field, limits) as Fields;
  const apiVersion = textOf(fields, "apiVersion", field);
  const kind = textOf(fields, "kind", field);
  const metadata = own(fields, "metadata");
  if (!isFields(metadata)) fail(`${field}.metadata`, "is missing; add it with a name");
  if (own(metadata, "generateName") !== undefined) {
    fail(`${field}.metadata.generateName`, "gives another object each time; use name");
  }
  const name = textOf(metadata, "name", `${field}.metadata`);
  checkScope({ apiVersion, kind, namespace: own(metadata, "namespace"), field }, owner);
  return { ordinal, apiVersion, kind, name, fields, metadata };
}

function textOf(fields: Fields, key: string, field: string): string {
  const value = own(fields, key);
  return typeof value === "string" && value !== ""
    ? value
    : fail(`${field}.${key}`, "is missing; add it as text");
}

interface Place {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: unknown;
  readonly field: string;
}

/** Owners reach no further than their namespace, and nobody may do through an application what they may not do. */
function checkScope({ apiVersion, kind, namespace, field }: Place, owner: Owner): void {
  if (isClusterScoped(apiVersion, kind)) {
    fail(`${field}.kind`, `is ${kind}, which no namespace holds; create it apart from the application`);
  }
  if (namespace === undefined || namespace === null || namespace === "" || namespace === owner.namespace)
    return;
  const text = `is ${quoted(namespace)}; leave it out or create the EdgeApplication there:`;
  fail(`${field}.metadata.namespace`, `${text} it deploys to its own namespace ${owner.namespace} only`);
}
