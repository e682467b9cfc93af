// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { CallerFacts } from "./caller.ts";

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a bundle. @throws when one of them cannot be parsed, or there is none */
export function parseBundle(pem: string): readonly X509Certificate[] {
  const found = pem.match(PEM) ?? [];
  if (found.length === 0) throw new Error("no certificate in it");
  return found.map((text) => new X509Certificate(text));
}

/**
 * Did one of these CAs sign the certificate? TLS has verified that *some* CA stands behind it that it was told to
 * trust; this says which one, by the signature and not by a name. What a server of Node learns of a chain ends with the
 * client's own certificate, so an intermediate CA counts when the bundle has it.
 */
const isSignedBy = (leaf: X509Certificate, authorities: readonly X509Certificate[]): boolean =>
  authorities.some((authority) => isIssuer(authority, leaf));

const isIssuer = (issuer: X509Certificate, certificate: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** CAs that are trusted here, by whose they are. */
export interface Authorities {
  readonly cluster: readonly X509Certificate[];
  readonly hubs: readonly X509Certificate[];
}

/** What the client's certificate says; undefined when there is none that TLS has verified. */
export function readFacts(socket: TLSSocket, authorities: Authorities): CallerFacts | undefined {
  if (!socket.authorized) return undefined;
  const leaf = socket.getPeerX509Certificate();
  return leaf === undefined ? undefined : factsOf(leaf, authorities);
}

/** @see readFacts */
export function factsOf(leaf: X509Certificate, authorities: Authorities): CallerFacts {
  const { subject } = leaf.toLegacyObject();
  // What Node declares as a text is a list when the name has several.
  const names = subject as unknown as Readonly<Record<string, string | string[] | undefined>>;
  const usages = leaf.keyUsage as string[] | undefined;
  const notAfterMs = Date.parse(leaf.validTo);
  return {
    commonNames: listOf(names["CN"]),
    organizations: listOf(names["O"]),
    usages,
    isOfCluster: isSignedBy(leaf, authorities.cluster),
    isOfHubs: isSignedBy(leaf, authorities.hubs),
    lifeMs: notAfterMs - Date.parse(leaf.validFrom),
    notAfterMs,
  };
}

const listOf = (value: string | readonly string[] | undefined): readonly string[] => {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
};
