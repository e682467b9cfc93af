// SPDX-License-Identifier: Apache-2.0
import { isFields, isForbiddenKey } from "../json.ts";

/** The keys of a JSON pointer (RFC 6901). */
export const tokensOf = (pointer: string): string[] =>
  pointer
    .replace(/^\/+/, "")
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));

/** What holds the value that a pointer leads to, or undefined when it leads nowhere. */
export function lookUp(
  root: unknown,
  pointer: string,
): { readonly parent: unknown; readonly key: string } | undefined {
  const tokens = tokensOf(pointer);
  const key = tokens.pop() ?? "";
  let parent: unknown = root;
  for (const token of tokens) parent = step(parent, token);
  return step(parent, key) === undefined ? undefined : { parent, key };
}

function step(value: unknown, token: string): unknown {
  if (Array.isArray(value))
    return /^(0|[1-9]\d{0,9})$/.test(token) ? (value as unknown[])[Number(token)] : undefined;
  return isFields(value) && !isForbiddenKey(token) && Object.hasOwn(value, token) ? value[token] : undefined;
}
