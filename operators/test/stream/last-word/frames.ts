// SPDX-License-Identifier: Apache-2.0

/** One frame as a node sends it, and whether the error channel has been used by it. */
export interface Sent {
  readonly bytes: Buffer;
  readonly isSaid: boolean;
}

const headOf = (...lines: string[]): string =>
  ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", ...lines, "", ""].join("\r\n");

export const SPDY_HEAD = headOf("Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v4.channel.k8s.io");
export const WEBSOCKET_HEAD = headOf(
  "Upgrade: websocket",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  "Sec-WebSocket-Protocol: v5.channel.k8s.io",
);

export function spdyData(stream: number, payload: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  header.writeUInt8(flags, 4);
  return Buffer.concat([header, payload]);
}

export function spdyControl(type: number, payload: Buffer, version = 3): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(0x8000 | version, 0);
  header.writeUInt16BE(type, 2);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

export interface WebSocketFrame {
  readonly opcode?: number;
  readonly isFinal?: boolean;
}

export function webSocket(payload: Buffer, { opcode = 2, isFinal = true }: WebSocketFrame = {}): Buffer {
  const first = (isFinal ? 0x80 : 0) | opcode;
  if (payload.length < 126) return Buffer.concat([Buffer.from([first, payload.length]), payload]);
  const isShort = payload.length < 65_536;
  const header = Buffer.alloc(isShort ? 4 : 10);
  header.writeUInt8(first, 0);
  header.writeUInt8(isShort ? 126 : 127, 1);
  if (isShort) header.writeUInt16BE(payload.length, 2);
  else header.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([header, payload]);
}

/** On a channel of a command. */
export const channel = (id: number, text: string, frame: WebSocketFrame = {}): Buffer =>
  webSocket(Buffer.concat([Buffer.from([id]), Buffer.from(text)]), frame);

/** Splits at random, as a network does. */
export function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : sizes[i % sizes.length]!;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
