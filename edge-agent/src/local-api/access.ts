// SPDX-License-Identifier: Apache-2.0
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Who may call. */
export interface AccessRules {
  /** Callers must bear it; undefined: everybody of this machine may call. */
  readonly token: (() => string | undefined) | undefined;
}

/** @returns status to refuse the caller with; undefined when it may call */
export function refuseCaller(headers: IncomingHttpHeaders, { token }: AccessRules): 401 | 403 | undefined {
  // A web page that a browser of this machine shows must not reach it.
  if (headers.origin !== undefined) return 403;
  if (token === undefined) return undefined;
  const [, given] = /^Bearer ([\w.~+/=-]{1,4096})$/.exec(headers.authorization ?? "") ?? [];
  const wanted = token();
  const isRight = wanted !== undefined && wanted !== "" && given !== undefined && isSame(given, wanted);
  return isRight ? undefined : 401;
}

/** Takes as long for a wrong token as for the right one. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(hash(a), hash(b));
const hash = (text: string): Buffer => createHash("sha256").update(text).digest();

/** @param host without brackets */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
