// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Credential } from "./issue.ts";

/** A CA and what it signed for serving. */
export interface Issue {
  readonly ca: Credential;
  readonly serving: Credential;
}

/** Everything that the replicas share about certificates: the content of one Secret. */
export interface Material extends Issue {
  /** What is served next, once its CA is trusted everywhere. */
  readonly next?: Issue;
  /** CAs of certificates that some replica may still serve, PEM. */
  readonly retired: readonly string[];
  /** When the last CA was retired, wall clock. */
  readonly retiredAtMs: number;
}

/** Keys of the Secret's data. `tls.crt` and `tls.key` are those of kubernetes.io/tls, which its type is. */
const KEYS = {
  serving: { certificate: "tls.crt", key: "tls.key" },
  ca: { certificate: "ca.crt", key: "ca.key" },
  nextServing: { certificate: "next-tls.crt", key: "next-tls.key" },
  nextCa: { certificate: "next-ca.crt", key: "next-ca.key" },
  retired: "retired-ca.crt",
  retiredAt: "retired-at",
} as const;

/** More certificates in one bundle are a fault of somebody: it must not grow for ever. */
const MAX_RETIRED = 8;

/** Decoded values of a Secret. */
export type SecretData = Readonly<Record<string, string>>;

/** What the Secret holds; undefined when any of it cannot be used. */
export function readMaterial(data: SecretData): Material | undefined {
  const current = issueOf(data, KEYS.ca, KEYS.serving);
  if (current === undefined) return undefined;
  const next = issueOf(data, KEYS.nextCa, KEYS.nextServing);
  const retired = certificatesIn(data[KEYS.retired] ?? "");
  const retiredAtMs = Date.parse(data[KEYS.retiredAt] ?? "");
  return {
    ...current,
    ...(next && { next }),
    retired,
    retiredAtMs: Number.isNaN(retiredAtMs) ? 0 : retiredAtMs,
  };
}

export function writeMaterial({ ca, serving, next, retired, retiredAtMs }: Material): SecretData {
  return {
    ...entries(KEYS.ca, ca),
    ...entries(KEYS.serving, serving),
    ...(next && { ...entries(KEYS.nextCa, next.ca), ...entries(KEYS.nextServing, next.serving) }),
    ...(retired.length > 0 && {
      [KEYS.retired]: retired.slice(-MAX_RETIRED).join(""),
      [KEYS.retiredAt]: new Date(retiredAtMs).toISOString(),
    }),
  };
}

type Names = { readonly certificate: string; readonly key: string };

const entries = (names: Names, { certificate, key }: Credential): SecretData => ({
  [names.certificate]: certificate,
  [names.key]: key,
});

function issueOf(data: SecretData, caNames: Names, servingNames: Names): Issue | undefined {
  const ca = credentialOf(data, caNames);
  const serving = credentialOf(data, servingNames);
  if (ca === undefined || serving === undefined) return undefined;
  const issuer = new X509Certificate(ca.certificate);
  const isSigned =
    issuer.ca && isOurKind(issuer) && new X509Certificate(serving.certificate).verify(issuer.publicKey);
  return isSigned ? { ca, serving } : undefined;
}

/** We sign with P-256 alone; with somebody else's CA of another kind nothing could ever be renewed. */
const isOurKind = ({ publicKey }: X509Certificate): boolean =>
  publicKey.asymmetricKeyDetails?.namedCurve === "prime256v1";

function credentialOf(data: SecretData, names: Names): Credential | undefined {
  const { [names.certificate]: certificate = "", [names.key]: key = "" } = data;
  return isPair(certificate, key) ? { certificate, key } : undefined;
}

/** TLS itself takes an empty text and then has nothing to serve, so that is looked at here. */
export function isPair(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    // not even parseable; the callers say what they do about it
    return false;
  }
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of a text of PEM, each ended by a line break; what is no certificate is left out. */
export function certificatesIn(text: string): string[] {
  return [...text.matchAll(PEM)].map(([pem]) => `${pem}\n`).filter(isCertificate);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false; // somebody else wrote it; it is trusted no longer
  }
}

/** All CAs that must be trusted, as `caBundle` has them; the one in use first. */
export function bundleOf({ ca, next, retired }: Material): string {
  const all = [ca.certificate, ...(next ? [next.ca.certificate] : []), ...retired];
  return [...new Set(all)].join("");
}

/** Life of a certificate by the wall clock, and the names that it is for. */
export interface Facts {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly hosts: readonly string[];
}

export function factsOf(pem: string): Facts {
  const certificate = new X509Certificate(pem);
  return {
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    hosts: hostsOf(certificate.subjectAltName ?? ""),
  };
}

/** `DNS:a.b, IP Address:127.0.0.1` of names that we issued: they hold no comma and no quote. */
const hostsOf = (text: string): string[] =>
  text.split(", ").flatMap((part) => /^(?:DNS|IP Address):(.+)$/.exec(part)?.[1] ?? []);

/** Whether a certificate is good for a name or an address, however that is written. */
export function covers(pem: string, host: string): boolean {
  const certificate = new X509Certificate(pem);
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}
