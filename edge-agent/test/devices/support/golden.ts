// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

/** One recorded call between a real EdgeCore and a real Go mapper. */
export interface GoldenCall {
  readonly t_ms: number;
  readonly dir: string;
  readonly method: string;
  readonly request_base64: string;
  readonly response_base64: string;
}

/** The calls of a recording, in their order. */
export function recorded(file: string): GoldenCall[] {
  const text = readFileSync(new URL(`../../../../crds/test/golden/${file}`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as GoldenCall);
}

/** Where maps are in a message: by field number, a map, or a message that has some. */
interface Maps {
  readonly [field: number]: Maps | "map";
}

const CONFIG: Maps = { 2: { 1: "map" } };
const DEVICE: Maps = { 2: { 2: CONFIG, 3: { 2: { 2: "map" }, 3: CONFIG } } };

/** The maps of the messages that carry a device (wire format, section 7.5). */
const MAPS: Readonly<Record<string, Maps>> = {
  RegisterDeviceRequest: { 1: DEVICE },
  UpdateDeviceRequest: { 1: DEVICE },
  MapperRegisterResponse: { 2: DEVICE },
};

interface Field {
  readonly number: number;
  readonly whole: Buffer;
  /** tag and length */
  readonly head: Buffer;
  readonly body: Buffer;
}

function varint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  let [value, end, scale] = [0, at, 1];
  for (;;) {
    const byte = bytes.readUInt8(end++);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end };
    scale *= 128;
  }
}

/** Varints and length-delimited fields; a recorded device has no others outside of what an Any holds. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = varint(bytes, at);
    const { value, end } = varint(bytes, tag.end);
    if (tag.value % 8 !== 2 && tag.value % 8 !== 0) throw new Error(`wire type ${tag.value % 8}`);
    const next = tag.value % 8 === 2 ? end + value : end;
    if (next > bytes.length) throw new Error("a field goes past the end of its message");
    const [head, body] = [bytes.subarray(at, end), bytes.subarray(end, next)];
    fields.push({ number: Math.floor(tag.value / 8), whole: bytes.subarray(at, next), head, body });
    at = next;
  }
  return fields;
}

const keyOf = ({ body }: Field): string => fieldsOf(body)[0]?.body.toString("utf8") ?? "";

function sorted(bytes: Buffer, maps: Maps): Buffer {
  const fields = fieldsOf(bytes);
  const entries = fields.filter(({ number }) => maps[number] === "map");
  entries.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const parts = fields.map(({ number, whole, head, body }) => {
    const inner = maps[number];
    if (inner === "map") return entries.shift()?.whole ?? Buffer.alloc(0);
    return inner === undefined ? whole : Buffer.concat([head, sorted(body, inner)]);
  });
  return Buffer.concat(parts);
}

/**
 * A recorded message as hex, with the entries of its maps by key. Go writes them in random order; nothing else of
 * the bytes changes, for they are moved and not written anew.
 */
export const goldenHex = (message: string, base64: string): string => {
  const bytes = Buffer.from(base64, "base64");
  const maps = MAPS[message];
  return (maps === undefined ? bytes : sorted(bytes, maps)).toString("hex");
};
