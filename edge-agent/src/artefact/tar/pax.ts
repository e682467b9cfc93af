// SPDX-License-Identifier: Apache-2.0
import { ArtefactFault } from "../errors.ts";

/** What an extended header says of the entry behind it. */
export interface PaxFields {
  readonly path?: string;
  readonly size?: number;
}

const hostile = (message: string): ArtefactFault => new ArtefactFault("HOSTILE", message);

/**
 * Reads records `<length> <key>=<value>\n`. Times, owners and comments have no effect.
 *
 * @throws {ArtefactFault} HOSTILE for records that are none, and for sparse files
 */
export function parsePax(body: Buffer): PaxFields {
  const fields: { path?: string; size?: number } = {};
  for (const [key, value] of records(body)) {
    if (key.startsWith("GNU.sparse.")) throw hostile("the archive holds a sparse file");
    if (key === "path") fields.path = value;
    if (key === "size") fields.size = sizeOf(value);
  }
  return fields;
}

function* records(body: Buffer): Generator<readonly [key: string, value: string]> {
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    const length = space < 0 ? "" : body.subarray(at, space).toString("latin1");
    const end = /^[1-9]\d{0,6}$/.test(length) ? at + Number(length) : -1;
    if (end <= space || end > body.length || body[end - 1] !== 0x0a) throw hostile(DAMAGED);
    const record = body.subarray(space + 1, end - 1).toString("utf8");
    const equals = record.indexOf("=");
    if (equals < 1) throw hostile(DAMAGED);
    yield [record.slice(0, equals), record.slice(equals + 1)];
    at = end;
  }
}

const DAMAGED = "the archive is damaged: an extended header is none";

function sizeOf(value: string): number {
  const size = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw hostile(DAMAGED);
  return size;
}
