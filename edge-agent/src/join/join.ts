// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import { fetchCa } from "./ca.ts";
import { createSigningRequest } from "./csr.ts";
import { JoinError } from "./errors.ts";
import { get, type Answer } from "./fetch.ts";
import { checkIdentity, type Identity } from "./identity.ts";
import { parseToken } from "./token.ts";

/** Whom to join, as whom. */
export interface JoinOptions {
  /** `https://host:10002` */
  readonly server: URL;
  readonly node: string;
  readonly timeoutMs: number;
}

const MAX_CERT_BYTES = 64 * 1024;

/**
 * Gets an identity for a new node: the CA by the token's pin, then a certificate for a fresh key.
 *
 * @throws {JoinError}
 */
export async function joinWithToken(options: JoinOptions, tokenText: string): Promise<Identity> {
  const token = parseToken(tokenText);
  const ca = await fetchCa(options.server, token.caSha256, options.timeoutMs);
  return certify(options, { ca }, { Authorization: `Bearer ${token.bearer}` });
}

/**
 * Gets a new certificate for a new key, proving the old one over mTLS.
 *
 * @throws {JoinError}
 */
export function renew(options: JoinOptions, old: Identity): Promise<Identity> {
  return certify(options, old, {});
}

async function certify(
  options: JoinOptions,
  trust: { ca: string; cert?: string; key?: string },
  headers: Record<string, string>,
): Promise<Identity> {
  const { csr, keyPem } = createSigningRequest(options.node);
  const { ca, cert, key } = trust;
  const answer = await get({
    url: new URL("/edge.crt", options.server),
    headers: { ...headers, NodeName: options.node },
    body: csr,
    tls: { ca, ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) },
    maxBytes: MAX_CERT_BYTES,
    timeoutMs: options.timeoutMs,
  });
  const identity = { ca, cert: readCertificate(answer), key: keyPem };
  checkIdentity(identity, options.node);
  return identity;
}

function readCertificate({ status, body }: Answer): string {
  if (status === 401) {
    throw new JoinError(
      "REFUSED",
      "the hub does not accept the token: it may have expired (tokens live 24 hours by default); print a fresh one on the cloud side",
    );
  }
  if (status >= 500 || status === 429)
    throw new JoinError("NETWORK", `/edge.crt was answered with status ${status}`);
  if (status !== 200)
    throw new JoinError("REFUSED", `the hub refused the certificate request with status ${status}`);
  try {
    return new X509Certificate(body).toString();
  } catch (error) {
    throw new JoinError("ANSWER", "/edge.crt is not a certificate", { cause: error });
  }
}
