// SPDX-License-Identifier: Apache-2.0

/** An expected failure of a script: what went wrong, and what the reader can do about it. */
export class Fault extends Error {
  readonly code: string;
  readonly advice: string;

  constructor(code: string, message: string, advice = "", cause?: unknown) {
    super(message, { cause });
    this.name = "Fault";
    this.code = code;
    this.advice = advice;
  }
}

/** One or two lines for a terminal; stacks only for what nobody expected. */
export function describeFailure(error: unknown): string {
  if (error instanceof Fault)
    return error.advice === "" ? error.message : `${error.message}\n  → ${error.advice}`;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}

/** Runs a script's main function; a failure is printed and becomes exit code 1. */
export async function script(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`\n✗ ${describeFailure(error)}\n`);
    process.exitCode = 1;
  }
}
