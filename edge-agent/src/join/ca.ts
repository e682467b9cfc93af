// SPDX-License-Identifier: Apache-2.0
import { hash, timingSafeEqual, X509Certificate } from "node:crypto";
import { JoinError } from "./errors.ts";
import { get } from "./fetch.ts";

/** A CA certificate has about 400 bytes. */
const MAX_CA_BYTES = 64 * 1024;

/**
 * Fetches the cloud's CA and trusts it only when its SHA-256 is the one in the token.
 *
 * @returns the CA as PEM
 * @throws {JoinError} PIN, ANSWER, NETWORK
 */
export async function fetchCa(server: URL, caSha256: string, timeoutMs: number): Promise<string> {
  const answer = await get({
    url: new URL("/ca.crt", server),
    // The server cannot be verified before its CA is known; the pin is what is verified instead (S13).
    // eslint-disable-next-line no-restricted-syntax
    tls: { rejectUnauthorized: false },
    maxBytes: MAX_CA_BYTES,
    timeoutMs,
  });
  if (answer.status !== 200)
    throw new JoinError("ANSWER", `/ca.crt was answered with status ${answer.status}`);
  const digest = hash("sha256", answer.body, "buffer");
  const certificate = parse(answer.body);
  if (!timingSafeEqual(digest, Buffer.from(caSha256, "hex"))) {
    throw new JoinError(
      "PIN",
      "the CA of this server is not the one that the token names; nothing was sent to it",
    );
  }
  if (!certificate.ca) throw new JoinError("ANSWER", "/ca.crt is not the certificate of a CA");
  return certificate.toString();
}

function parse(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw new JoinError("ANSWER", "/ca.crt is not a certificate", { cause: error });
  }
}
