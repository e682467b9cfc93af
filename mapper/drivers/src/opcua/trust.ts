// SPDX-License-Identifier: Apache-2.0
// Which certificates of servers are trusted. Pure.
import { X509Certificate } from "node:crypto";

export type Verdict = "trusted" | "untrusted" | "expired" | "broken";

/**
 * A certificate is trusted when `trusted` holds exactly it, or a CA that signed it; and today lies in its validity.
 *
 * @param der the certificate, with or without its chain behind it
 */
export function judge(der: Buffer, trusted: readonly X509Certificate[], now: Date): Verdict {
  const certificate = firstOf(der);
  if (!certificate) return "broken";
  const anchor = trusted.find(
    (known) => known.fingerprint256 === certificate.fingerprint256 || hasSigned(known, certificate),
  );
  if (!anchor) return "untrusted";
  return isValid(certificate, now) && isValid(anchor, now) ? "trusted" : "expired";
}

/**
 * A chain is certificates one behind the other, the server's own first. One whose key is of no whole number of bytes is
 * none: the library's encryption would end the process.
 */
export function firstOf(der: Buffer): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der.subarray(0, lengthOf(der)));
    const bits = certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
    return bits % 8 === 0 ? certificate : undefined;
  } catch {
    return undefined;
  }
}

/** Length of the DER sequence that the bytes begin with. */
function lengthOf(der: Buffer): number {
  const first = der[1] ?? 0;
  if (first < 0x80) return 2 + first;
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4 || der.length < 2 + octets) return der.length;
  return 2 + octets + der.readUIntBE(2, octets);
}

const hasSigned = (ca: X509Certificate, certificate: X509Certificate): boolean =>
  ca.ca && certificate.checkIssued(ca) && certificate.verify(ca.publicKey);

const isValid = ({ validFromDate, validToDate }: X509Certificate, now: Date): boolean =>
  validFromDate <= now && now <= validToDate;
