// SPDX-License-Identifier: Apache-2.0
import { WireError } from "./errors.ts";
import type { WireLimits } from "./limits.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COLON = 0x3a;

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Walks over one JSON object without building anything and checks its depth, its keys and their names.
 *
 * It is no validator: JSON.parse runs on what it lets through. It sees at least what JSON.parse would see,
 * so a text within the limits for the scan is within the limits for the parser.
 *
 * @returns [start, end) of the first JSON value; whatever follows it is ignored, as Go does
 * @throws {WireError} MALFORMED, TOO_DEEP, TOO_MANY_KEYS, KEY_TOO_LONG, FORBIDDEN_KEY
 */
export function scanObject(data: Buffer, limits: WireLimits): { start: number; end: number } {
  let start = 0;
  while (isSpace(data[start])) start++;
  if (data[start] !== OPEN_OBJECT) throw new WireError("MALFORMED", "the document is no JSON object");
  return { start, end: new Scan(data, limits).run(start) };
}

class Scan {
  readonly #data: Buffer;
  readonly #limits: WireLimits;
  #depth = 0;
  #keys = 0;
  /** Depths of the open objects that are the value of a `constructor` key, outermost first. */
  readonly #constructors: number[] = [];
  #afterConstructor = false;

  constructor(data: Buffer, limits: WireLimits) {
    this.#data = data;
    this.#limits = limits;
  }

  run(start: number): number {
    const data = this.#data;
    const length = data.length;
    for (let at = start; at < length; at++) {
      const byte = data[at];
      if (byte === QUOTE) at = this.#string(at);
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#open();
      else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && this.#close()) return at + 1;
    }
    throw new WireError("MALFORMED", "the JSON document ends too early");
  }

  #open(): void {
    if (++this.#depth > this.#limits.depth) throw new WireError("TOO_DEEP", "nested too deeply");
    if (this.#afterConstructor) this.#constructors.push(this.#depth);
    this.#afterConstructor = false;
  }

  #close(): boolean {
    if (this.#constructors.at(-1) === this.#depth) this.#constructors.pop();
    return --this.#depth === 0;
  }

  /** @returns index of the closing quote of a value, or of the colon after a key */
  #string(open: number): number {
    const data = this.#data;
    let close = open + 1;
    let escaped = false;
    for (; data[close] !== QUOTE; close++) {
      if (close >= data.length) throw new WireError("MALFORMED", "a string does not end");
      if (data[close] === BACKSLASH) {
        escaped = true;
        close++;
      }
    }
    let next = close + 1;
    while (isSpace(data[next])) next++;
    if (data[next] !== COLON) {
      this.#afterConstructor = false;
      return close;
    }
    this.#key(open, close, escaped);
    return next;
  }

  #key(open: number, close: number, escaped: boolean): void {
    const length = close - open - 1;
    if (++this.#keys > this.#limits.keys) throw new WireError("TOO_MANY_KEYS", "too many keys");
    if (length > this.#limits.keyBytes) throw new WireError("KEY_TOO_LONG", "a key is too long");
    this.#afterConstructor = false;
    // the three names are 9 and 11 bytes; only an escaped key can be one of them at another length
    if (!escaped && length !== 9 && length !== 11) return;
    this.#forbid(keyText(this.#data.toString("utf8", open, close + 1), escaped));
  }

  #forbid(key: string): void {
    if (key === "__proto__") throw new WireError("FORBIDDEN_KEY", "a key is __proto__");
    if (key === "prototype" && this.#constructors.at(-1) === this.#depth)
      throw new WireError("FORBIDDEN_KEY", "a key is constructor.prototype");
    this.#afterConstructor = key === "constructor";
  }
}

function keyText(quoted: string, escaped: boolean): string {
  if (!escaped) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw new WireError("MALFORMED", "a key has a bad escape");
  }
}
