// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, sign } from "node:crypto";
import { bitString, noAttributes, objectId, sequence, set, smallInteger, utf8 } from "./der.ts";

/** A fresh key and the request to have it certified. */
export interface SigningRequest {
  /** PKCS #10 DER */
  readonly csr: Buffer;
  /** PKCS #8 PEM; never leaves the node. */
  readonly keyPem: string;
}

const ORGANIZATION = "2.5.4.10";
const COMMON_NAME = "2.5.4.3";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";

/** Common name of a node's certificate, as Kubernetes' node authorizer wants it. */
export function commonName(node: string): string {
  return `system:node:${node}`;
}

/**
 * Makes a P-256 key and a certificate request (RFC 2986) for O=system:nodes, CN=system:node:`node`. Written out here
 * because a certificate library costs a running agent 10 MB.
 */
export function createSigningRequest(node: string): SigningRequest {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const attribute = (type: string, text: string): Buffer => set(sequence(objectId(type), utf8(text)));
  const info = sequence(
    smallInteger(0),
    sequence(attribute(ORGANIZATION, "system:nodes"), attribute(COMMON_NAME, commonName(node))),
    publicKey.export({ type: "spki", format: "der" }),
    noAttributes(),
  );
  const signature = sign("sha256", info, privateKey);
  const csr = sequence(info, sequence(objectId(ECDSA_WITH_SHA256)), bitString(signature));
  return { csr, keyPem: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
}
