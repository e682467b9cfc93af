// SPDX-License-Identifier: Apache-2.0
// The library resolves its parts with decorators and throws at load time without this polyfill before it.
import "reflect-metadata";
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
} from "@peculiar/x509";
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";

/** A certificate with its key, both PEM; the key as PKCS#8. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** The API server's clock may be behind ours. */
const BACKDATE_MS = 5 * 60_000;

/** A new CA for nothing but this webhook. */
export async function createCa(nowMs: number, lifeMs: number): Promise<Credential> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    // An issuer is found by its name: two CAs of one name could not be trusted together.
    name: [{ CN: [`longshore-webhooks-ca-${randomBytes(8).toString("hex")}`] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + lifeMs),
    keys,
    signingAlgorithm: P256,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return credential(certificate, keys.privateKey);
}

/** A serving certificate for these names and addresses; it never outlives its CA. */
export async function issueServing(
  ca: Credential,
  hosts: readonly string[],
  { nowMs, lifeMs }: { readonly nowMs: number; readonly lifeMs: number },
): Promise<Credential> {
  const issuer = new X509Certificate(ca.certificate);
  const keys = await newKeys();
  const names = hosts.map((host) => ({
    type: isIP(host) === 0 ? ("dns" as const) : ("ip" as const),
    value: host,
  }));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: ["longshore-webhooks"] }],
    issuer: issuer.subjectName,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(Math.min(nowMs + lifeMs, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: await importKey(ca.key),
    signingAlgorithm: P256,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return credential(certificate, keys.privateKey);
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);

/** Positive and never zero: DER integers are signed. */
const newSerial = (): string => `01${randomBytes(15).toString("hex")}`;

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Uint8Array.from(createPrivateKey(pem).export({ type: "pkcs8", format: "der" }));
  return webcrypto.subtle.importKey("pkcs8", der, P256, false, ["sign"]);
}

async function credential(certificate: X509Certificate, key: webcrypto.CryptoKey): Promise<Credential> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const pem = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: String(pem.export({ type: "pkcs8", format: "pem" })),
  };
}
