// SPDX-License-Identifier: Apache-2.0
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  webcrypto,
  type KeyObject,
} from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
  type JsonName,
} from "../auth/x509.ts";

/** A certificate with its key, both in DER; the key as SEC1 EC, as KubeEdge keeps it. */
export interface Credential {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

const DAY_MS = 86_400_000;
/** KubeEdge's own lifetime of a CA; edges pin it, and there is no rotation of it. */
const CA_DAYS = 36_400;
/** Clocks of edges may be behind. */
const BACKDATE_MS = 5 * 60_000;
const EC_SIGNING = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA_SIGNING = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
/** OpenSSL's names of curves, as WebCrypto has them. */
const CURVES: Readonly<Record<string, string>> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};
const LEAF_USAGE = (KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment) as KeyUsageFlags;
const CA_USAGE = (LEAF_USAGE | KeyUsageFlags.keyCertSign) as KeyUsageFlags;

/** A new self-signed CA under KubeEdge's name. */
export async function createCa(nowMs: number): Promise<Credential> {
  const { privateKey } = newKey();
  const name: JsonName = [{ CN: ["KubeEdge"] }];
  const publicKey = await importPublic(createPublicKey(privateKey).export({ type: "spki", format: "der" }));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: name,
    issuer: name,
    ...validity(nowMs, CA_DAYS),
    publicKey,
    signingKey: await importPrivate(privateKey),
    signingAlgorithm: EC_SIGNING,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(CA_USAGE, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return { certificate: Buffer.from(certificate.rawData), key: exportKey(privateKey) };
}

/** A server certificate for these host names and addresses. */
export async function createServerCertificate(
  ca: Credential,
  hosts: readonly string[],
  { nowMs, days }: { nowMs: number; days: number },
): Promise<Credential> {
  const { privateKey } = newKey();
  const names = hosts.map((host) => ({
    type: isIP(host) === 0 ? ("dns" as const) : ("ip" as const),
    value: host,
  }));
  const certificate = await issue(ca, {
    subject: [{ O: ["KubeEdge"] }, { CN: ["KubeEdge"] }],
    publicKey: createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    extensions: [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names),
    ],
    nowMs,
    days,
  });
  return { certificate, key: exportKey(privateKey) };
}

/** Lifetime of what a hub shows other hubs. */
export const HUB_DAYS = 1;

/** The client certificate with which a hub connects to other hubs. No node can have one: its organization is another. */
export async function createHubCertificate(ca: Credential, hub: string, nowMs: number): Promise<Credential> {
  const { privateKey } = newKey();
  const certificate = await issue(ca, {
    subject: [{ O: ["longshore:hubs"] }, { CN: [`system:longshore:hub:${hub}`] }],
    publicKey: createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
    nowMs,
    days: HUB_DAYS,
  });
  return { certificate, key: exportKey(privateKey) };
}

/**
 * The client certificate of a node. Nothing but the public key is the requester's.
 *
 * @param publicKey SubjectPublicKeyInfo in DER, judged before
 * @returns DER
 */
export async function issueNodeCertificate(
  ca: Credential,
  node: string,
  { publicKey, nowMs, days }: { publicKey: Buffer; nowMs: number; days: number },
): Promise<Buffer> {
  return await issue(ca, {
    subject: [{ O: ["system:nodes"] }, { CN: [`system:node:${node}`] }],
    publicKey,
    extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
    nowMs,
    days,
  });
}

async function issue(
  ca: Credential,
  leaf: { subject: JsonName; publicKey: Buffer; extensions: Extension[]; nowMs: number; days: number },
): Promise<Buffer> {
  const issuer = new X509Certificate(Uint8Array.from(ca.certificate));
  const key = readKey(ca.key);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: leaf.subject,
    issuer: issuer.subjectName,
    ...validity(leaf.nowMs, leaf.days),
    publicKey: Uint8Array.from(leaf.publicKey).buffer,
    signingKey: await importPrivate(key),
    signingAlgorithm: signingOf(key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(LEAF_USAGE, true),
      ...leaf.extensions,
      ...authorityKey(issuer),
    ],
  });
  return Buffer.from(certificate.rawData);
}

/** Copied from the CA, never computed: Go and OpenSSL make it in different ways, and a KubeEdge CA may have none. */
function authorityKey(issuer: X509Certificate): Extension[] {
  const subjectKey = issuer.getExtension(SubjectKeyIdentifierExtension);
  return subjectKey === null ? [] : [new AuthorityKeyIdentifierExtension(subjectKey.keyId)];
}

/** The private key of a credential: SEC1 as KubeEdge writes it, or PKCS#8 or PKCS#1 of an operator's own. */
export function readKey(der: Buffer): KeyObject {
  for (const type of ["sec1", "pkcs8"] as const) {
    try {
      return createPrivateKey({ key: der, format: "der", type });
    } catch {
      // not of this form; a fault of the last one is thrown
    }
  }
  return createPrivateKey({ key: der, format: "der", type: "pkcs1" });
}

/** PEM of a certificate in DER. */
export const certificatePem = (der: Buffer): string =>
  new X509Certificate(Uint8Array.from(der)).toString("pem");

/** PEM of a credential's key. */
export const keyPem = (der: Buffer): string => String(readKey(der).export({ type: "pkcs8", format: "pem" }));

const newKey = (): { privateKey: KeyObject } => generateKeyPairSync("ec", { namedCurve: "P-256" });
const exportKey = (key: KeyObject): Buffer => key.export({ type: "sec1", format: "der" });

/** Positive and never zero: DER integers are signed. */
const newSerial = (): string => `01${randomBytes(15).toString("hex")}`;

const validity = (nowMs: number, days: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(nowMs - BACKDATE_MS),
  notAfter: new Date(nowMs + days * DAY_MS),
});

/** The CA may be an operator's own: any EC curve of WebCrypto, or RSA. */
function signingOf(key: KeyObject): { name: string; hash: string; namedCurve?: string } {
  const { namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  const curve = CURVES[namedCurve];
  return curve === undefined ? RSA_SIGNING : { ...EC_SIGNING, namedCurve: curve };
}

const importPrivate = (key: KeyObject): Promise<webcrypto.CryptoKey> => {
  const pkcs8 = Uint8Array.from(key.export({ type: "pkcs8", format: "der" }));
  return webcrypto.subtle.importKey("pkcs8", pkcs8, signingOf(key), false, ["sign"]);
};
const importPublic = (spki: Buffer): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey("spki", Uint8Array.from(spki), EC_SIGNING, true, ["verify"]);
