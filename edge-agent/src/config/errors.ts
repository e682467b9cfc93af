// SPDX-License-Identifier: Apache-2.0

/** Exit codes of sysexits.h that the start of the agent uses. */
export const ExitCode = {
  usage: 64,
  data: 65,
  noInput: 66,
  software: 70,
  cantCreate: 73,
  io: 74,
  temporary: 75,
  permission: 77,
  config: 78,
} as const;

/** Why the agent does not start. `faults` are complete sentences for people, each with `file:line` where there is one. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "CONFIG_INVALID";
  readonly retryable = false;
  readonly exitCode: number;
  readonly faults: readonly string[];
  constructor(exitCode: number, faults: readonly string[], options?: ErrorOptions) {
    super(faults.join("\n"), options);
    this.exitCode = exitCode;
    this.faults = faults;
  }
}
