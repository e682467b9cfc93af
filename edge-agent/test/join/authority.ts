// SPDX-License-Identifier: Apache-2.0
import "reflect-metadata"; // @peculiar/x509 wants it first
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from "@peculiar/x509";
import { createHash, KeyObject, webcrypto } from "node:crypto";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly caPem: string;
  readonly caDer: Buffer;
  readonly caSha256: string;
  /** A server certificate for 127.0.0.1. */
  server(): Promise<Pair>;
  /** A node's certificate and key. */
  node(name: string, validity?: { notBefore: Date; notAfter: Date }): Promise<Pair>;
  /** Signs a request as the hub does. */
  sign(csr: Buffer, subject?: string): Promise<Buffer>;
}

const generate = () => webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
const pem = (key: webcrypto.CryptoKey): string =>
  String(KeyObject.from(key).export({ type: "pkcs8", format: "pem" }));
const serial = (): string =>
  Buffer.from(webcrypto.getRandomValues(new Uint8Array(8)))
    .toString("hex")
    .replace(/^./, "1");

/** A certificate authority that lives in the test. */
export async function createAuthority(): Promise<Authority> {
  const keys = await generate();
  const validity = {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 365 * DAY_MS),
  };
  const ca = await X509CertificateGenerator.createSelfSigned(
    {
      name: "CN=KubeEdge",
      keys,
      signingAlgorithm: ALGORITHM,
      ...validity,
      extensions: [new BasicConstraintsExtension(true)],
    },
    webcrypto,
  );
  const issue = (
    subject: string,
    publicKey: webcrypto.CryptoKey,
    isServer: boolean,
    dates = validity,
  ): Promise<X509Certificate> =>
    X509CertificateGenerator.create(
      {
        subject,
        issuer: ca.subject,
        publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        serialNumber: serial(),
        ...dates,
        extensions: [
          new ExtendedKeyUsageExtension([
            isServer ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
          ]),
          ...(isServer ? [new SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])] : []),
        ],
      },
      webcrypto,
    );
  const pair = async (subject: string, isServer: boolean, dates?: typeof validity): Promise<Pair> => {
    const own = await generate();
    const cert = await issue(subject, own.publicKey, isServer, dates);
    return { cert: cert.toString("pem"), key: pem(own.privateKey) };
  };
  const caDer = Buffer.from(ca.rawData);
  return {
    caPem: ca.toString("pem"),
    caDer,
    caSha256: createHash("sha256").update(caDer).digest("hex"),
    server: () => pair("CN=KubeEdge, O=KubeEdge", true),
    node: (name, dates) => pair(`O=system:nodes, CN=system:node:${name}`, false, dates),
    sign: async (csr, subject) => {
      const request = new Pkcs10CertificateRequest(csr);
      const spki = new Uint8Array(request.publicKey.rawData);
      const publicKey = await webcrypto.subtle.importKey("spki", spki, ALGORITHM, true, ["verify"]);
      return Buffer.from((await issue(subject ?? request.subject, publicKey, false)).rawData);
    },
  };
}
