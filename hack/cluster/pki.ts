// SPDX-License-Identifier: Apache-2.0
import "reflect-metadata"; // @peculiar/x509 needs it to be there first
import * as x509 from "@peculiar/x509";
import { createPrivateKey, generateKeyPairSync, webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const SIGNING = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const LIFE_MS = 365 * DAY_MS;

/** Paths of a certificate and its key, both PEM. */
export interface CertFiles {
  readonly cert: string;
  readonly key: string;
}

export interface CertRequest {
  readonly name: string;
  readonly commonName: string;
  readonly organization?: string;
  /** Host names and addresses; with any, it is good for a server too. */
  readonly hosts?: readonly string[];
}

/** A certificate authority of one environment, writing into one folder. */
export interface Authority {
  readonly files: CertFiles;
  issue(request: CertRequest): Promise<CertFiles>;
}

/** Makes a CA and writes `<name>.crt` and `<name>.key`. */
export async function createAuthority(dir: string, name = "ca"): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: [{ CN: [`longshore-local-${name}`] }],
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const files = await write(dir, name, ca, keys.privateKey);
  return { files, issue: (request) => issue(dir, ca, keys.privateKey, request) };
}

/** Writes an RSA key pair for service account tokens (`sa.key`, `sa.pub`). */
export function createServiceAccountKeys(dir: string): { readonly key: string; readonly pub: string } {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const files = { key: join(dir, "sa.key"), pub: join(dir, "sa.pub") };
  writeFileSync(files.key, pair.privateKey, { mode: 0o600 });
  writeFileSync(files.pub, pair.publicKey);
  return files;
}

async function issue(
  dir: string,
  ca: x509.X509Certificate,
  caKey: webcrypto.CryptoKey,
  request: CertRequest,
): Promise<CertFiles> {
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ["sign", "verify"]);
  const hosts = request.hosts ?? [];
  const usages = [
    x509.ExtendedKeyUsage.clientAuth,
    ...(hosts.length > 0 ? [x509.ExtendedKeyUsage.serverAuth] : []),
  ];
  const cert = await x509.X509CertificateGenerator.create({
    ...validity(),
    subject: [
      ...(request.organization === undefined ? [] : [{ O: [request.organization] }]),
      { CN: [request.commonName] },
    ],
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
      ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension(hosts.map(altName))] : []),
    ],
  });
  return write(dir, request.name, cert, keys.privateKey);
}

const altName = (host: string): { type: "ip" | "dns"; value: string } => ({
  type: /^[\d.]+$|:/.test(host) ? "ip" : "dns",
  value: host,
});

/** From yesterday, so that a clock that is a little behind still accepts it. */
const validity = () => ({
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + LIFE_MS),
});

async function write(
  dir: string,
  name: string,
  cert: x509.X509Certificate,
  key: webcrypto.CryptoKey,
): Promise<CertFiles> {
  const files = { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  writeFileSync(files.cert, `${cert.toString("pem")}\n`);
  writeFileSync(
    files.key,
    createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ type: "pkcs8", format: "pem" }),
    { mode: 0o600 },
  );
  return files;
}
