// SPDX-License-Identifier: Apache-2.0
import { createHash, type KeyObject } from "node:crypto";
import { ArtefactFault } from "./errors.ts";
import { readBody } from "./http/read.ts";
import type { Registry } from "./http/registry.ts";
import { retrying, type Retry } from "./http/retry.ts";
import type { PulledDigests } from "./image/gate.ts";
import { isIndex, parseManifest, type Descriptor } from "./image/manifest.ts";
import {
  isSignedBy,
  MAX_PAYLOAD_BYTES,
  MAX_SIGNATURES,
  parseKeys,
  signatureOf,
  signatureTag,
} from "./image/signature.ts";

/**
 * Requires a signature as `cosign sign --key` makes it, in the same repository (tag `sha256-<hex>.sig`), of the pulled
 * reference or of this platform's manifest. Who signed counts, not where: the payload's `docker-reference` may be that
 * of the registry which this one mirrors.
 *
 * @param pem public keys, any of which is enough
 * @throws {ArtefactFault} SIGNATURE when there is none or none that is good, LOCAL for bad keys, REGISTRY
 */
export async function checkSignature(
  registry: Registry,
  { reference, manifest }: PulledDigests,
  pem: string,
  retry: Retry,
): Promise<void> {
  const keys = parseKeys(pem);
  for (const digest of new Set([reference, manifest]))
    if (await isSigned(registry, digest, keys, retry)) return;
  throw new ArtefactFault("SIGNATURE", "the image has no signature by a key that this node trusts");
}

async function isSigned(
  registry: Registry,
  digest: string,
  keys: readonly KeyObject[],
  retry: Retry,
): Promise<boolean> {
  for (const entry of await signaturesOf(registry, digest, retry)) {
    const signature = signatureOf(entry);
    if (signature === undefined) continue;
    const payload = await retrying(retry, () => payloadOf(registry, entry, retry.signal));
    if (isSignedBy(keys, payload, signature, digest)) return true;
  }
  return false;
}

async function signaturesOf(
  registry: Registry,
  digest: string,
  retry: Retry,
): Promise<readonly Descriptor[]> {
  try {
    const tag = signatureTag(digest);
    const { bytes } = await retrying(retry, () => registry.manifest(tag, retry.signal));
    const parsed = parseManifest(bytes);
    return isIndex(parsed) ? [] : parsed.layers.slice(0, MAX_SIGNATURES);
  } catch (error) {
    if (error instanceof ArtefactFault && error.kind === "MISSING") return [];
    throw error;
  }
}

async function payloadOf(registry: Registry, { digest }: Descriptor, signal: AbortSignal): Promise<Buffer> {
  const { url, answer } = await registry.blob(digest, 0, signal);
  const payload = await readBody(url, answer, MAX_PAYLOAD_BYTES);
  if (`sha256:${createHash("sha256").update(payload).digest("hex")}` !== digest)
    throw new ArtefactFault("DIGEST", "a signature's text does not have its digest");
  return payload;
}
