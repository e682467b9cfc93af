// SPDX-License-Identifier: Apache-2.0
import { posix } from "node:path";
import { type DataObject, type DownwardItem, type KeyToPath, PodError } from "../model/index.ts";
import { type FieldContext, fieldValue, resourceValue } from "../values/index.ts";

/** One file of a volume. */
export interface FileContent {
  readonly bytes: Buffer;
  readonly mode: number;
}

/** Relative path → file, of one volume. */
export type Payload = ReadonlyMap<string, FileContent>;

/** Mode of a file for which the volume names none: the API's default. */
export const DEFAULT_MODE = 0o644;

/** A path that stays below the volume. @throws {PodError} INVALID */
export function safePath(path: string): string {
  const clean = posix.normalize(path);
  const parts = clean.split("/");
  if (path === "" || posix.isAbsolute(path) || parts.includes("..") || (parts[0] ?? "").startsWith("..")) {
    throw new PodError("INVALID", `path "${path.slice(0, 80)}" leaves the volume`);
  }
  return clean.replace(/\/$/, "");
}

const decoded = (
  object: DataObject | undefined,
  kind: "configmap" | "secret",
): ReadonlyMap<string, Buffer> => {
  const encoding = kind === "secret" ? "base64" : "utf8";
  const plain = Object.entries(object?.data ?? {}).map(([k, v]) => [k, Buffer.from(v, encoding)] as const);
  const binary = Object.entries(object?.binaryData ?? {}).map(
    ([k, v]) => [k, Buffer.from(v, "base64")] as const,
  );
  return new Map([...plain, ...binary]);
};

/** Which keys of an object become which files. */
export interface Projection {
  readonly kind: "configmap" | "secret";
  readonly name: string;
  readonly items: readonly KeyToPath[] | undefined;
  readonly optional: boolean;
  readonly mode: number;
}

/** Files of a ConfigMap or Secret. @throws {PodError} NOT_FOUND for a missing object or key that is not optional */
export function objectFiles(object: DataObject | undefined, p: Projection): Payload {
  if (!object && !p.optional) throw new PodError("NOT_FOUND", `${p.kind} "${p.name}" not found`);
  const data = decoded(object, p.kind);
  if (!p.items) return new Map([...data].map(([key, bytes]) => [safePath(key), { bytes, mode: p.mode }]));
  const files = new Map<string, FileContent>();
  for (const item of p.items) {
    const bytes = data.get(item.key);
    if (bytes) files.set(safePath(item.path), { bytes, mode: item.mode ?? p.mode });
    else if (!p.optional)
      throw new PodError("NOT_FOUND", `${p.kind} ${p.name} references non-existent key: ${item.key}`);
  }
  return files;
}

/** Files of fields of the pod itself. @throws {PodError} INVALID */
export function downwardFiles(items: readonly DownwardItem[], context: FieldContext, mode: number): Payload {
  return new Map(
    items.map((item) => {
      const text = item.fieldRef
        ? fieldValue(item.fieldRef, context)
        : item.resourceFieldRef
          ? resourceValue(item.resourceFieldRef, context)
          : "";
      return [safePath(item.path), { bytes: Buffer.from(text), mode: item.mode ?? mode }];
    }),
  );
}
