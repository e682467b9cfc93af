// SPDX-License-Identifier: Apache-2.0
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** What a join token says. Times in seconds since the epoch, as JWT has them. */
export interface TokenClaims {
  readonly exp: number;
  readonly jti?: string;
  /** Only this node may join with it; absent: any. */
  readonly node?: string;
}

export type TokenFault = "malformed" | "signature" | "expired" | "other_node";

const HEADER = encodePart({ alg: "HS256", typ: "JWT" });
const MAX_CHARS = 4_096;

/** `hex(sha256(CA DER))`: what an edge compares with the CA that it fetched, before it trusts it. */
export const caPin = (caDer: Uint8Array): string => createHash("sha256").update(caDer).digest("hex");

/** The join token as users see it: the CA's pin and a signed JWT, four parts in all. */
export const joinToken = (caDer: Uint8Array, claims: TokenClaims, key: Uint8Array): string =>
  `${caPin(caDer)}.${signJwt(claims, key)}`;

/** A JWT with HS256. */
export function signJwt(claims: TokenClaims, key: Uint8Array): string {
  const body = `${HEADER}.${encodePart(claims)}`;
  return `${body}.${mac(body, key)}`;
}

/**
 * Checks a JWT. The signature is computed and compared in constant time whatever the text, and nothing of the
 * claims is read before it fits.
 *
 * @param node the node that wants to join
 */
export function verifyJwt(
  token: string,
  { key, node, nowMs }: { key: Uint8Array; node: string; nowMs: number },
): { claims: TokenClaims } | { fault: TokenFault } {
  const text = token.slice(0, MAX_CHARS);
  const [header = "", payload = "", signature = ""] = text.split(".");
  const isSigned = isEqual(signature, mac(`${header}.${payload}`, key));
  if (!isSigned || `${header}.${payload}.${signature}` !== token) return { fault: "signature" };
  const claims = decodeClaims(header, payload);
  if (claims === undefined) return { fault: "malformed" };
  if (nowMs >= claims.exp * 1000) return { fault: "expired" };
  return claims.node !== undefined && claims.node !== node ? { fault: "other_node" } : { claims };
}

function decodeClaims(header: string, payload: string): TokenClaims | undefined {
  const { alg } = decodePart(header);
  const { exp, jti, node } = decodePart(payload);
  if (alg !== "HS256" || typeof exp !== "number") return undefined;
  if (node !== undefined && typeof node !== "string") return undefined;
  return { exp, ...(typeof jti === "string" ? { jti } : {}), ...(node === undefined ? {} : { node }) };
}

function decodePart(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // signed by us, yet no JSON: a key was shared with something else; counted by the caller as malformed
    return {};
  }
}

function encodePart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

const mac = (text: string, key: Uint8Array): string =>
  createHmac("sha256", key).update(text).digest("base64url");

function isEqual(given: string, want: string): boolean {
  const wanted = Buffer.from(want);
  const offered = Buffer.from(given);
  return offered.length === wanted.length
    ? timingSafeEqual(offered, wanted)
    : !timingSafeEqual(wanted, wanted);
}
