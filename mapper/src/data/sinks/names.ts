// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

const HASH_LETTERS = 12;

/**
 * A name that a server takes: letters that it does not are `_`, and what is longer than it may be is cut. A name that
 * this changed ends in `~` and a hash of the whole, so that two names never become one.
 *
 * @param allowed a regular expression for one letter
 * @param maxLength in characters; those of `allowed` are counted as one
 */
export function fitName(name: string, allowed: RegExp, maxLength: number): string {
  const letters = Array.from(name, (letter) => (allowed.test(letter) ? letter : "_"));
  const isFit = letters.join("") === name && letters.length <= maxLength && !name.includes("~");
  if (isFit) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, HASH_LETTERS);
  return `${letters.slice(0, maxLength - HASH_LETTERS - 1).join("")}~${hash}`;
}
