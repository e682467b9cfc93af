// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { type Container, sortedJson } from "../model/index.ts";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function fnv32a(bytes: Uint8Array): number {
  let hash = FNV_OFFSET;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/**
 * What a kubelet (1.31 and later) writes as `io.kubernetes.container.hash`: FNV-1a over Go's printed form
 * of the JSON of name and image. Written so that a real EdgeCore that takes over keeps our containers.
 */
export function kubeletHash(container: Container): string {
  const json = goJson({ image: container.image, name: container.name });
  const printed = `([]uint8)[${[...Buffer.from(json)].join(" ")}]`;
  return fnv32a(Buffer.from(printed)).toString(16);
}

const GO_ESCAPES: Readonly<Record<string, string>> = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026" };
const goJson = (value: unknown): string => JSON.stringify(value).replace(/[<>&]/g, (c) => GO_ESCAPES[c] ?? c);

const CHANGEABLE = new Set([
  "resources",
  "readinessProbe",
  "livenessProbe",
  "startupProbe",
  "imagePullPolicy",
]);

/** Hash of everything that a running container would have to be replaced for. Resources are not: the kernel can be told. */
export function specHash(container: Container): string {
  const rest = Object.entries(container).filter(([key]) => !CHANGEABLE.has(key));
  return createHash("sha256")
    .update(sortedJson(Object.fromEntries(rest)))
    .digest("hex")
    .slice(0, 16);
}
