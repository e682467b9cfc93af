// SPDX-License-Identifier: Apache-2.0
import { SinkError } from "../port.ts";

/** A failed connection. Only a code is told on: messages of libraries may hold names and samples. */
export const asUnreachable = (error: unknown): SinkError =>
  error instanceof SinkError ? error : new SinkError("UNREACHABLE", codeOf(error), { cause: error });

/** The code of a failure of Node, such as ECONNREFUSED or CERT_HAS_EXPIRED. */
export function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{2,64}$/.test(code) ? code : "the connection failed";
}
