// SPDX-License-Identifier: Apache-2.0
import { ConfigError, ExitCode } from "./config/index.ts";
import { SocketError } from "./cri/index.ts";
import { JoinError } from "./join/index.ts";
import { StoreError, type StoreErrorCode } from "./store/index.ts";

const STORE_EXIT: Readonly<Record<StoreErrorCode, number>> = {
  LOCKED: ExitCode.cantCreate,
  NEWER_SCHEMA: ExitCode.temporary,
  FULL: ExitCode.io,
  IO: ExitCode.io,
  CORRUPT: ExitCode.io,
};

/** The exit code (sysexits.h) that tells a supervisor why the agent ended. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError || error instanceof JoinError) return error.exitCode;
  if (error instanceof SocketError) return ExitCode.config;
  return error instanceof StoreError ? STORE_EXIT[error.code] : ExitCode.software;
}
