// SPDX-License-Identifier: Apache-2.0

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const QUOTE = '"';
const BACKSLASH = 0x5c;
/** An escape of half a character beyond U+FFFF; alone it is none. */
const SURROGATE = /\\u[dD][89a-fA-F]/;

/**
 * Parses JSON that means the same to everybody: UTF-8, no key twice in one object, no half characters.
 *
 * @throws {Error} when it is anything else; the message may repeat what was sent
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = UTF8.decode(bytes);
  const value: unknown = SURROGATE.test(text) ? JSON.parse(text, requireWellFormed) : JSON.parse(text);
  if (hasKeyTwice(text)) throw new Error("a key is there twice");
  return value;
}

/** In a text of whole characters only halves that stand alone are of this kind. */
const HALF = /\p{Surrogate}/u;

function requireWellFormed(key: string, value: unknown): unknown {
  if (HALF.test(key) || (typeof value === "string" && HALF.test(value))) throw new Error("half a character");
  return value;
}

/** @param text valid JSON */
function hasKeyTwice(text: string): boolean {
  /** Keys of the open objects, outermost first; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "{") open.push(new Set());
    else if (char === "[") open.push(undefined);
    else if (char === "}" || char === "]") open.pop();
    else if (char === QUOTE) {
      const end = endOfString(text, at);
      if (isKey(text, end) && !isNew(open.at(-1), text.slice(at, end))) return true;
      at = end - 1;
    }
  }
  return false;
}

/** @returns the index after the closing quote */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf(QUOTE, start + 1); ; end = text.indexOf(QUOTE, end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** In valid JSON only a key is followed by a colon. */
function isKey(text: string, end: number): boolean {
  let at = end;
  while (text.charCodeAt(at) <= 0x20) at++;
  return text[at] === ":";
}

/** Keys are compared as what they mean: `"a"` may be written with an escape too. */
function isNew(keys: Set<string> | undefined, written: string): boolean {
  const key = written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1);
  if (keys === undefined || keys.has(key)) return false;
  keys.add(key);
  return true;
}
