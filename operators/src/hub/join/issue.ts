// SPDX-License-Identifier: Apache-2.0
import { certificateFacts, identify, isNodeName } from "../auth/index.ts";
import type { Authority } from "./authority.ts";
import { judgeCsr } from "./csr.ts";
import { JoinError } from "./errors.ts";
import type { EventWindow } from "./failure-window.ts";
import { issueNodeCertificate } from "./pki.ts";
import type { TokenKeeper } from "./token-keeper.ts";

/** A request for a certificate, freed from HTTP. */
export interface CertificateRequest {
  /** `NodeName` header */
  readonly node: unknown;
  /** `Authorization` header */
  readonly authorization: string | undefined;
  /** `ExtKeyUsages` header: a JSON list of Go's numbers */
  readonly usages: string | undefined;
  /** The client certificate, if one was presented and its chain verified. */
  readonly clientCertificate: Buffer | undefined;
  readonly csr: Buffer;
}

export interface IssueDeps {
  readonly authority: Authority;
  readonly tokens: TokenKeeper;
  readonly clock: { nowMs(): number; wallMs(): number };
  readonly nodeDays: number;
  /** Rotations of one node. */
  readonly rotations: EventWindow;
  readonly allowLegacySubject: boolean;
}

export interface Issued {
  readonly node: string;
  readonly certificate: Buffer;
  /** By token: the edge may be another machine than before. */
  readonly by: "token" | "certificate";
}

/** Go's x509.ExtKeyUsageClientAuth */
const GO_CLIENT_AUTH = 2;

/**
 * Decides on a request for a node certificate and issues it.
 *
 * @throws {JoinError}
 */
export async function issueFor(request: CertificateRequest, deps: IssueDeps): Promise<Issued> {
  const { node } = request;
  if (!isNodeName(node)) throw new JoinError(400, "node_name", "bad node name");
  const by = authenticate(request, node, deps);
  requireUsages(request.usages);
  const publicKey = judgeCsr(request.csr, node);
  const options = { publicKey, nowMs: deps.clock.wallMs(), days: deps.nodeDays };
  return { node, certificate: await issueNodeCertificate(deps.authority.ca, node, options), by };
}

function authenticate(request: CertificateRequest, node: string, deps: IssueDeps): Issued["by"] {
  if (request.clientCertificate !== undefined) {
    requireSameNode(request.clientCertificate, node, deps);
    if (deps.rotations.isOver(node, deps.clock.nowMs()))
      throw new JoinError(429, "rotations", "too many rotations");
    return "certificate";
  }
  requireToken(request.authorization, node, deps);
  return "token";
}

function requireSameNode(der: Buffer, node: string, deps: IssueDeps): void {
  const { allowLegacySubject } = deps;
  const identity = identify(certificateFacts(der), node, deps.clock.wallMs(), { allowLegacySubject });
  if (identity.node !== node) throw new JoinError(403, "certificate", "the certificate is of another node");
}

/** One answer for every fault: which one it was is told to the log only. */
function requireToken(authorization: string | undefined, node: string, { tokens }: IssueDeps): void {
  const [scheme, token = "", ...rest] = (authorization ?? "").split(" ");
  const isBearer = scheme?.toLowerCase() === "bearer" && rest.length === 0;
  const judged = tokens.verify(isBearer ? token : "", node);
  if ("fault" in judged) throw new JoinError(401, `token_${judged.fault}`, "invalid token");
}

function requireUsages(header: string | undefined): void {
  if (header === undefined || header === "") return;
  const usages = parseUsages(header);
  if (!usages.every((usage) => usage === GO_CLIENT_AUTH))
    throw new JoinError(403, "usage", "only client certificates are issued");
}

function parseUsages(header: string): unknown[] {
  try {
    const value: unknown = JSON.parse(header);
    if (Array.isArray(value)) return value as unknown[];
  } catch {
    // falls through: no JSON is as bad as JSON that is no list
  }
  throw new JoinError(400, "usage", "bad ExtKeyUsages header");
}
