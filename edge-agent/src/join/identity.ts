// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from "node:crypto";
import { commonName } from "./csr.ts";
import { JoinError } from "./errors.ts";

/** What makes a machine this node: PEM texts that belong together. */
export interface Identity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Dates of a certificate, in milliseconds since the epoch. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const X509_DATE_UTC = (text: string): number => new Date(text).getTime();

/** @throws when the certificate is not one */
export function validityOf(certPem: string): Validity {
  const certificate = new X509Certificate(certPem);
  return {
    notBeforeMs: X509_DATE_UTC(certificate.validFrom),
    notAfterMs: X509_DATE_UTC(certificate.validTo),
  };
}

/**
 * Says why an identity cannot be used for this node: not parseable, another node's, key and certificate of different
 * pairs, not from this CA. Expiry is no such reason: the hub decides about it, and renewal needs the old pair.
 *
 * @throws {JoinError} IDENTITY
 */
export function checkIdentity(identity: Identity, node: string): void {
  const fault = faultOf(identity, node);
  if (fault !== undefined) throw new JoinError("IDENTITY", `the stored identity is unusable: ${fault}`);
}

function faultOf({ ca, cert, key }: Identity, node: string): string | undefined {
  try {
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return "key and certificate are not a pair";
    if (!certificate.verify(new X509Certificate(ca).publicKey)) return "the certificate is not from this CA";
    const names = certificate.subject.split("\n").filter((line) => line.startsWith("CN="));
    const isOurs = names.length === 1 && names[0] === `CN=${commonName(node)}`;
    return isOurs ? undefined : `the certificate is not for node ${node}`;
  } catch {
    return "key or certificate cannot be parsed";
  }
}
