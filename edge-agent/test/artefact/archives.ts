// SPDX-License-Identifier: Apache-2.0

/** An entry to write, whatever it is: nothing is checked. */
export interface Written {
  readonly name: string;
  readonly type?: string;
  readonly body?: string | Buffer;
  /** What the header says, if not the body's. */
  readonly size?: number;
  readonly link?: string;
  readonly mode?: number;
  /** Ahead of the header. */
  readonly before?: Buffer;
}

const BLOCK = 512;

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, "0")}\0`;

/** A header block as tar writes it; sizes past 8 GiB in base 256. */
export function header(entry: Written): Buffer {
  const { name, type = "0", body = "", size = Buffer.byteLength(body), link = "", mode = 0o644 } = entry;
  const block = Buffer.alloc(BLOCK);
  block.write(name.slice(0, 100), 0, "utf8");
  block.write(octal(mode, 8), 100, "latin1");
  if (size < 8 ** 11) block.write(octal(size, 12), 124, "latin1");
  else {
    block.writeBigUInt64BE(BigInt(size), 128);
    block[124] = 0x80;
  }
  block.write(octal(0, 12), 136, "latin1");
  block.write("        ", 148, "latin1");
  block.write(type, 156, "latin1");
  block.write(link, 157, "utf8");
  block.write("ustar\0" + "00", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)} `, 148, "latin1");
  return block;
}

const padded = (body: string | Buffer): Buffer => {
  const bytes = Buffer.from(body);
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
};

export const entry = (written: Written): Buffer =>
  Buffer.concat([written.before ?? Buffer.alloc(0), header(written), padded(written.body ?? "")]);

/** A whole archive. */
export const tarOf = (...entries: readonly Written[]): Buffer =>
  Buffer.concat([...entries.map(entry), Buffer.alloc(2 * BLOCK)]);

/** An extended header (`x`, `g`) of these records. */
export function pax(records: Readonly<Record<string, string>>, type = "x"): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest + 1;
    while (String(length).length + rest !== length) length = String(length).length + rest;
    return `${length} ${key}=${value}\n`;
  });
  return entry({ name: "PaxHeaders/x", type, body: lines.join("") });
}

/** GNU's long name. */
export const longName = (name: string): Buffer =>
  entry({ name: "././@LongLink", type: "L", body: `${name}\0` });
