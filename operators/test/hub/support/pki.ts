// SPDX-License-Identifier: Apache-2.0
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { webcrypto } from "node:crypto";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;
export const SERVER_AUTH = x509.ExtendedKeyUsage.serverAuth;

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface LeafOptions {
  readonly subject: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly usage?: x509.ExtendedKeyUsage;
}

/** A certificate authority made for one test file. */
export interface TestCa {
  readonly cert: string;
  issue(options: LeafOptions): Promise<Identity>;
  /** An edge's certificate, as the join endpoint would issue it. */
  edge(node: string): Promise<Identity>;
  server(): Promise<Identity>;
}

/** @param name of the authority; two that are trusted together need two names, as the issuer is found by it */
export async function createTestCa(name = "CN=KubeEdge"): Promise<TestCa> {
  const keys = await newKeys();
  const now = Date.now();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + 3650 * DAY_MS),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const issue = async (options: LeafOptions): Promise<Identity> => {
    const leaf = await newKeys();
    const cert = await x509.X509CertificateGenerator.create({
      subject: options.subject,
      issuer: root.subject,
      publicKey: leaf.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      notBefore: options.notBefore ?? new Date(now - DAY_MS),
      notAfter: options.notAfter ?? new Date(now + 365 * DAY_MS),
      extensions: [
        new x509.ExtendedKeyUsageExtension([options.usage ?? x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]),
      ],
    });
    const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", leaf.privateKey);
    return { cert: cert.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
  };
  return {
    cert: root.toString("pem"),
    issue,
    edge: (node) => issue({ subject: `O=system:nodes, CN=system:node:${node}` }),
    server: () => issue({ subject: "O=KubeEdge, CN=KubeEdge", usage: x509.ExtendedKeyUsage.serverAuth }),
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}
