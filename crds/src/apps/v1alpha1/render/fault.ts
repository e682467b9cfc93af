// SPDX-License-Identifier: Apache-2.0

/** Ends the making of one object; the others go on. Becomes a RenderFault. */
export class RenderFaultError extends Error {
  readonly code = "RENDER_FAULT";
  readonly field: string;
  readonly text: string;

  constructor(field: string, text: string) {
    super(`${field}: ${text}`);
    this.name = "RenderFaultError";
    this.field = field;
    this.text = text;
  }
}

/** @throws {RenderFaultError} always */
export function fail(field: string, text: string): never {
  throw new RenderFaultError(field, text);
}

/** Text of a value for a message, never long. */
export function quoted(value: unknown): string {
  const text =
    typeof value === "string" ? value : ((JSON.stringify(value) as string | undefined) ?? typeof value);
  return `"${text.length > 80 ? `${text.slice(0, 77)}...` : text}"`;
}
