// SPDX-License-Identifier: Apache-2.0

/**
 * TOKEN: malformed. PIN: the CA is not the one that the token names. REFUSED: the hub said no. ANSWER: what came back is
 * not what was asked for. NETWORK: nobody answered. IDENTITY: the stored key and certificate are unusable.
 * PERMISSION: a secret file that others can read.
 */
export type JoinErrorCode = "TOKEN" | "PIN" | "REFUSED" | "ANSWER" | "NETWORK" | "IDENTITY" | "PERMISSION";

/** Exit codes of sysexits.h; a supervisor restarts on 75 only. */
const EXIT_CODES: Readonly<Record<JoinErrorCode, number>> = {
  TOKEN: 78,
  PIN: 78,
  REFUSED: 77,
  ANSWER: 65,
  NETWORK: 75,
  IDENTITY: 78,
  PERMISSION: 77,
};

/** Why this node has no identity. The message never holds the token. */
export class JoinError extends Error {
  override readonly name = "JoinError";
  readonly code: JoinErrorCode;
  readonly retryable: boolean;
  readonly exitCode: number;
  constructor(code: JoinErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "NETWORK";
    this.exitCode = EXIT_CODES[code];
  }
}
