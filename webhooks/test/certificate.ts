// SPDX-License-Identifier: Apache-2.0
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { webcrypto } from "node:crypto";
import type { ServingCert } from "../src/serving-cert.ts";

const pem = (label: string, der: ArrayBuffer): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;

/** A certificate for localhost that is its own CA. */
export function selfSigned(): Promise<ServingCert> {
  return signed({ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" });
}

/** The same as others make them. */
export function selfSignedRsa(): Promise<ServingCert> {
  const publicExponent = new Uint8Array([1, 0, 1]);
  return signed({ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent, modulusLength: 2048 });
}

async function signed(
  algorithm: webcrypto.RsaHashedKeyGenParams | (webcrypto.EcKeyGenParams & webcrypto.EcdsaParams),
): Promise<ServingCert> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    // Two of one name cannot be trusted together: the issuer is found by it.
    name: `CN=webhooks ${crypto.randomUUID()}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }]),
    ],
  });
  return {
    cert: cert.toString("pem"),
    key: pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  };
}
