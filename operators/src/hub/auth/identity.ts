// SPDX-License-Identifier: Apache-2.0
import { CloseCode } from "@longshore/crds/wire";
import { isNodeName } from "./node-name.ts";

/** What a client certificate says; the chain to our CA was verified by TLS before. */
export interface CertificateFacts {
  readonly commonNames: readonly string[];
  readonly organizations: readonly string[];
  /** Purposes as OIDs; undefined when the certificate restricts none. */
  readonly usages: readonly string[] | undefined;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface IdentityOptions {
  /** Accept CloudCore's very old certificates (O=KubeEdge, CN=kubeedge.io), which name no node. Default false. */
  readonly allowLegacySubject?: boolean;
}

export type IdentityReason = "expired" | "usage" | "organization" | "common_name" | "header";

export type Identity =
  | { readonly node: string }
  | {
      readonly node: undefined;
      readonly closeCode: typeof CloseCode.identity | typeof CloseCode.forbidden;
      readonly reason: IdentityReason;
    };

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const PREFIX = "system:node:";

/**
 * Who the peer is. The certificate alone decides; the header can only contradict it.
 *
 * @param nodeHeader value of the `node_id` header, if there was one
 */
export function identify(
  facts: CertificateFacts,
  nodeHeader: string | undefined,
  nowMs: number,
  options: IdentityOptions = {},
): Identity {
  if (nowMs < facts.notBeforeMs || nowMs > facts.notAfterMs) return refuse("expired");
  if (facts.usages?.includes(CLIENT_AUTH) !== true) return refuse("usage");
  if (options.allowLegacySubject === true && isLegacySubject(facts)) return legacyNode(nodeHeader);
  if (!isOnly(facts.organizations, "system:nodes")) return refuse("organization");
  return matchHeader(nodeOf(facts.commonNames), nodeHeader);
}

function matchHeader(node: string | undefined, header: string | undefined): Identity {
  if (node === undefined) return refuse("common_name");
  return header === undefined || header === node ? { node } : refuse("header");
}

function nodeOf(commonNames: readonly string[]): string | undefined {
  const [name = ""] = commonNames;
  if (commonNames.length !== 1 || !name.startsWith(PREFIX)) return undefined;
  const node = name.slice(PREFIX.length);
  return isNodeName(node) ? node : undefined;
}

const isLegacySubject = (facts: CertificateFacts): boolean =>
  isOnly(facts.organizations, "KubeEdge") && isOnly(facts.commonNames, "kubeedge.io");

const legacyNode = (header: string | undefined): Identity =>
  isNodeName(header) ? { node: header } : refuse("header");

const isOnly = (values: readonly string[], want: string): boolean =>
  values.length === 1 && values[0] === want;

/** A contradiction or a stale certificate is a question of who it is (4401); a foreign subject is forbidden (4403). */
function refuse(reason: IdentityReason): Identity {
  const isIdentity = reason === "header" || reason === "expired";
  return { node: undefined, closeCode: isIdentity ? CloseCode.identity : CloseCode.forbidden, reason };
}
