// SPDX-License-Identifier: Apache-2.0
import { JoinError } from "./errors.ts";

/** KubeEdge's join token: `<hex sha256 of the CA's DER>.<three parts of a JWT>`. */
export interface JoinToken {
  readonly caSha256: string;
  readonly bearer: string;
}

/** @throws {JoinError} TOKEN; the text of the token is in no message */
export function parseToken(text: string): JoinToken {
  const trimmed = text.trim();
  const dot = trimmed.indexOf(".");
  const caSha256 = trimmed.slice(0, Math.max(dot, 0)).toLowerCase();
  const bearer = trimmed.slice(dot + 1);
  if (!/^[0-9a-f]{64}$/.test(caSha256) || !/^[\w-]{1,2048}(\.[\w-]{1,2048}){2}$/.test(bearer)) {
    throw new JoinError("TOKEN", "the join token is malformed: print a fresh one on the cloud side");
  }
  return { caSha256, bearer };
}
