// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";

/** Left out: apiVersion and kind are known from the key and absent from list items; status flows up only. */
const SKIPPED_AT_ROOT = new Set(["apiVersion", "kind", "status"]);
/** Left out: they change with every write, also with those of the edge itself. */
const SKIPPED_IN_METADATA = new Set(["managedFields", "resourceVersion", "generation"]);
const NOTHING_SKIPPED = new Set<string>();

const DIGEST_CHARS = 32;
const digestOf = (text: string): string => hash("sha256", text, "hex").slice(0, DIGEST_CHARS);

/**
 * Digest of what a node is sent of an object. Equal digests: nothing has to be sent. Independent of key order,
 * of status, managedFields, resourceVersion and generation, and of whether apiVersion and kind are there.
 *
 * @returns 32 hex characters
 */
export function objectDigest(object: object): string {
  return digestOf(canonicalObject(object as Fields, SKIPPED_AT_ROOT, true));
}

/**
 * Digest for kinds that are watched as metadata only (Secret, ConfigMap), whose content is not known here.
 *
 * @returns 32 hex characters
 */
export function metadataDigest(metadata: { readonly uid: string; readonly resourceVersion: string }): string {
  return digestOf(`${metadata.uid}\0${metadata.resourceVersion}`);
}

type Fields = Readonly<Record<string, unknown>>;

function canonicalObject(fields: Fields, skipped: ReadonlySet<string>, isRoot: boolean): string {
  let text = "{";
  for (const key of Object.keys(fields).sort()) {
    const value = fields[key];
    if (value === undefined || skipped.has(key)) continue;
    if (text.length > 1) text += ",";
    text += `${JSON.stringify(key)}:`;
    text += isRoot && key === "metadata" && isFields(value) ? canonicalMetadata(value) : canonical(value);
  }
  return text + "}";
}

const canonicalMetadata = (metadata: Fields): string => canonicalObject(metadata, SKIPPED_IN_METADATA, false);

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isFields(value)) return canonicalObject(value, NOTHING_SKIPPED, false);
  return JSON.stringify(value ?? null);
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
