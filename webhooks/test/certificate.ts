// SPDX-License-Identifier: Apache-2.0
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { ServingCert } from "../src/serving-cert.ts";

const pem = (label: string, der: ArrayBuffer): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;

/** A certificate for localhost that is its own CA. */
export async function selfSigned(): Promise<ServingCert> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    // Two of one name cannot be trusted together: the issuer is found by it.
    name: `CN=webhooks ${crypto.randomUUID()}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
  });
  return {
    cert: cert.toString("pem"),
    key: pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  };
}
