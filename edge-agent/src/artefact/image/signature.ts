// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { ArtefactFault } from "../errors.ts";
import { isRecord, type Descriptor } from "./manifest.ts";

/** Where cosign puts the signature's text in the manifest beside the image. */
export const SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature";
export const PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE_KIND = "cosign container image signature";
/** Signatures of one image that are looked at. */
export const MAX_SIGNATURES = 16;
export const MAX_PAYLOAD_BYTES = 65_536;
const MAX_KEYS = 8;

/** Tag of the signatures of a digest. */
export const signatureTag = (digest: string): string => `${digest.replace(":", "-")}.sig`;

/**
 * Reads public keys, one PEM after the other: a signature by any of them is good, so that keys can be changed.
 *
 * @throws {ArtefactFault} LOCAL for none, and for what is neither ECDSA P-256 nor Ed25519
 */
export function parseKeys(pem: string): readonly KeyObject[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0 || blocks.length > MAX_KEYS)
    throw new ArtefactFault("LOCAL", `the file of public keys must hold 1 to ${MAX_KEYS} of them (PEM)`);
  return blocks.map((block) => {
    const key = keyOf(block);
    if (key === undefined || !isGoodKey(key))
      throw new ArtefactFault("LOCAL", "a public key must be of ECDSA P-256 or Ed25519");
    return key;
  });
}

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

const isGoodKey = (key: KeyObject): boolean =>
  key.asymmetricKeyType === "ed25519" ||
  (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1");

/** The signature that a manifest's entry holds; undefined when it is none. */
export function signatureOf({ mediaType, size, annotations }: Descriptor): Buffer | undefined {
  const text = annotations[SIGNATURE_ANNOTATION] ?? "";
  const isSignature = mediaType === PAYLOAD_TYPE && size <= MAX_PAYLOAD_BYTES;
  return isSignature && /^[A-Za-z0-9+/]{1,1024}={0,2}$/.test(text) ? Buffer.from(text, "base64") : undefined;
}

/** Whether one of the keys signed this payload, and the payload speaks of this digest. */
export function isSignedBy(
  keys: readonly KeyObject[],
  payload: Buffer,
  signature: Buffer,
  digest: string,
): boolean {
  const isSigned = keys.some((key) =>
    verify(key.asymmetricKeyType === "ed25519" ? null : "sha256", payload, key, signature),
  );
  return isSigned && speaksOf(payload, digest);
}

function speaksOf(payload: Buffer, digest: string): boolean {
  const critical = criticalOf(payload);
  const image = critical["image"];
  return critical["type"] === SIGNATURE_KIND && isRecord(image) && image["docker-manifest-digest"] === digest;
}

function criticalOf(payload: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(payload.toString("utf8"));
    const critical = isRecord(value) ? value["critical"] : undefined;
    return isRecord(critical) ? critical : {};
  } catch {
    return {};
  }
}
