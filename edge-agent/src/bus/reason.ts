// SPDX-License-Identifier: Apache-2.0

const MAX_CHARS = 200;

/** What an error says of itself, for a log: its words, else its code. */
export function reasonOf(error: unknown): string {
  const { message, code } = (error ?? {}) as { readonly message?: unknown; readonly code?: unknown };
  const words = [message, code].find((word): word is string => typeof word === "string" && word !== "");
  return (words ?? "unknown failure").slice(0, MAX_CHARS);
}
