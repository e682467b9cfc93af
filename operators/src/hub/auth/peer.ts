// SPDX-License-Identifier: Apache-2.0
import { CloseCode } from "@longshore/crds/wire";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { identify, type CertificateFacts, type Identity, type IdentityOptions } from "./identity.ts";
import { ExtendedKeyUsageExtension, X509Certificate } from "./x509.ts";

/** Reads what `identify` judges from a certificate in DER. @throws when it cannot be parsed */
export function certificateFacts(der: Uint8Array): CertificateFacts {
  const certificate = new X509Certificate(Uint8Array.from(der));
  const usages = certificate.getExtension(ExtendedKeyUsageExtension)?.usages.map(String);
  return {
    commonNames: certificate.subjectName.getField("CN"),
    organizations: certificate.subjectName.getField("O"),
    usages,
    notBeforeMs: certificate.notBefore.getTime(),
    notAfterMs: certificate.notAfter.getTime(),
  };
}

/**
 * Who is on the other side of a TLS connection that verified the client's chain.
 *
 * @param headers of the HTTP request; only `node_id` is read
 */
export function identifyPeer(
  socket: Socket,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  nowMs: number,
  options: IdentityOptions = {},
): Identity {
  const der = peerDer(socket);
  const header = headers["node_id"];
  if (der === undefined) return { node: undefined, closeCode: CloseCode.identity, reason: "common_name" };
  const nodeHeader = Array.isArray(header) ? header.join(",") : header;
  return identify(certificateFacts(der), nodeHeader, nowMs, options);
}

/** The client's certificate, if it presented one and its chain was verified. */
export function peerDer(socket: Socket): Buffer | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
  return raw;
}
