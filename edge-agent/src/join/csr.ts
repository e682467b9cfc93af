// SPDX-License-Identifier: Apache-2.0

/** A fresh key and the request to have it certified. */
export interface SigningRequest {
  readonly csr: Buffer;
  /** PKCS #8 PEM; never leaves the node. */
  readonly keyPem: string;
}

/** Common name of a node's certificate, as Kubernetes' node authorizer wants it. */
export function commonName(node: string): string {
  return `system:node:${node}`;
}

/** Makes a P-256 key and a certificate request for O=system:nodes, CN=system:node:`node`. */
export async function createSigningRequest(node: string): Promise<SigningRequest> {
  // Loaded here only: a running agent has no use for it, and it costs 10 MB.
  const { Pkcs10CertificateRequestGenerator } = await import("@peculiar/x509");
  const { webcrypto, KeyObject } = await import("node:crypto");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create(
    {
      name: [{ O: ["system:nodes"] }, { CN: [commonName(node)] }],
      keys,
      signingAlgorithm: algorithm,
    },
    webcrypto,
  );
  const keyPem = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" });
  return { csr: Buffer.from(request.rawData), keyPem: String(keyPem) };
}
