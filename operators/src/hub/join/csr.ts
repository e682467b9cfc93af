// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, createVerify, type KeyObject } from "node:crypto";
import { Pkcs10CertificateRequest } from "../auth/x509.ts";
import { JoinError } from "./errors.ts";

const OID_EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
const OID_KEY_USAGE = "2.5.29.15";
const OID_EXTENDED_KEY_USAGE = "2.5.29.37";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
/** Besides O and CN, what KubeEdge's own edge puts in. None of it reaches the certificate. */
const HARMLESS_SUBJECT = new Set(["C", "L", "ST"]);
const EC_CURVES = new Set(["prime256v1", "secp384r1"]);
const RSA_BITS = { min: 2048, max: 4096 };
const HASHES = new Set(["SHA-256", "SHA-384", "SHA-512"]);

/**
 * Judges a signing request of a node.
 *
 * @param der the request's bytes, exactly one
 * @returns the public key to certify, SubjectPublicKeyInfo in DER; nothing else of the request is used
 * @throws {JoinError} 400 when it is malformed, weak or not signed with its own key; 403 when it asks for more
 * than a client certificate of that node
 */
export function judgeCsr(der: Buffer, node: string): Buffer {
  const csr = parseCsr(der);
  const spki = Buffer.from(csr.publicKey.rawData);
  const key = readPublicKey(spki);
  requireStrongKey(key);
  requirePossession(csr, der, key);
  requireSubject(csr, node);
  requireNoWishes(csr);
  return spki;
}

const badCsr = (reason: string): JoinError => new JoinError(400, reason, "bad certificate request");
const refuse = (reason: string): JoinError =>
  new JoinError(403, reason, "the certificate request is not allowed");

function parseCsr(der: Buffer): Pkcs10CertificateRequest {
  if (der.length === 0 || sequenceBytes(der) !== der.length) throw badCsr("csr_malformed");
  try {
    const csr = new Pkcs10CertificateRequest(Uint8Array.from(der));
    // parts are parsed when they are first read: all of them now
    readParts(csr);
    return csr;
  } catch {
    // the parser's message would describe hostile bytes; the reason says enough
    throw badCsr("csr_malformed");
  }
}

const readParts = (csr: Pkcs10CertificateRequest): object[] => [
  csr.subjectName,
  csr.publicKey,
  csr.attributes,
  csr.extensions,
  csr.signatureAlgorithm,
];

/** Bytes of the outer DER sequence, so that nothing may follow it; 0 when it is none. */
function sequenceBytes(der: Buffer): number {
  const first = der[1] ?? 0;
  if (der[0] !== 0x30) return 0;
  if (first < 0x80) return 2 + first;
  const count = first & 0x7f;
  return count === 0 || count > 3 || der.length < 2 + count ? 0 : 2 + count + der.readUIntBE(2, count);
}

function readPublicKey(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: "der", type: "spki" });
  } catch {
    // an unknown curve or algorithm; the reason says enough
    throw badCsr("csr_key");
  }
}

function requireStrongKey(key: KeyObject): void {
  const { namedCurve = "", modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const isStrong =
    key.asymmetricKeyType === "ec"
      ? EC_CURVES.has(namedCurve)
      : key.asymmetricKeyType === "rsa" && modulusLength >= RSA_BITS.min && modulusLength <= RSA_BITS.max;
  if (!isStrong) throw badCsr("csr_key");
}

/** Proof of possession: the request is signed with the key that it asks a certificate for. */
function requirePossession(csr: Pkcs10CertificateRequest, der: Buffer, key: KeyObject): void {
  const hash = (csr.signatureAlgorithm as { hash?: { name?: string } }).hash?.name ?? "";
  if (!HASHES.has(hash)) throw badCsr("csr_hash");
  const verifier = createVerify(hash.replace("-", "")).update(signedPart(der));
  const signature = Buffer.from(csr.signature);
  if (!isValid(() => verifier.verify(key, signature))) throw badCsr("csr_signature");
}

/** The first element inside the outer sequence is what was signed. */
function signedPart(der: Buffer): Buffer {
  const headerBytes = der[1] !== undefined && der[1] >= 0x80 ? 2 + (der[1] & 0x7f) : 2;
  const inner = der.subarray(headerBytes);
  return inner.subarray(0, sequenceBytes(inner));
}

function isValid(verify: () => boolean): boolean {
  try {
    return verify();
  } catch {
    // OpenSSL throws on a signature that is no DER; it is as wrong as one that does not fit
    return false;
  }
}

function requireSubject(csr: Pkcs10CertificateRequest, node: string): void {
  const parts = csr.subjectName.toJSON();
  const values = (key: string): string[] => parts.flatMap((part) => part[key] ?? []);
  const others = parts.flatMap((part) => Object.keys(part)).filter((key) => key !== "O" && key !== "CN");
  if (!isOnly(values("CN"), `system:node:${node}`)) throw refuse("csr_common_name");
  if (!isOnly(values("O"), "system:nodes")) throw refuse("csr_organization");
  if (!others.every((key) => HARMLESS_SUBJECT.has(key))) throw refuse("csr_subject");
}

const isOnly = (values: readonly string[], want: string): boolean =>
  values.length === 1 && values[0] === want;

/** No names, no CA, no other purpose. Asking for just what every node gets is no fault. */
function requireNoWishes(csr: Pkcs10CertificateRequest): void {
  if (csr.attributes.some(({ type }) => type !== OID_EXTENSION_REQUEST)) throw refuse("csr_attribute");
  for (const extension of csr.extensions) {
    const isUsual = extension.type === OID_KEY_USAGE ? hasUsualUsages(extension) : isClientPurpose(extension);
    if (!isUsual) throw refuse("csr_extension");
  }
}

const KEY_CERT_SIGN = 32;
const CRL_SIGN = 64;
const hasUsualUsages = (extension: object): boolean =>
  "usages" in extension &&
  typeof extension.usages === "number" &&
  (extension.usages & (KEY_CERT_SIGN | CRL_SIGN)) === 0;

const isClientPurpose = (extension: { type: string; usages?: unknown }): boolean =>
  extension.type === OID_EXTENDED_KEY_USAGE &&
  Array.isArray(extension.usages) &&
  extension.usages.every((usage) => usage === CLIENT_AUTH);
