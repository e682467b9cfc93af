// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** The answer to "who is this?": a node, or a close code of ours (4401, 4403) with a short reason. */
export type Identified = { readonly node: string } | { readonly closeCode: number; readonly reason: string };

/**
 * Decides who a connection is. The certificate has already been verified against the CA by TLS; a header may only
 * confirm what the certificate says, never say it.
 */
export type Identify = (certificate: X509Certificate, headers: IncomingHttpHeaders) => Identified;
