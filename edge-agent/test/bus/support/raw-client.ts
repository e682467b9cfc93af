// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from "node:net";
import { until } from "../../tunnel/fakes.ts";

const bytes = (data: Uint8Array | string): Buffer => {
  const raw = Buffer.from(data as string);
  return Buffer.concat([Buffer.from([raw.length >> 8, raw.length & 0xff]), raw]);
};

const word = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

function packet(head: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  for (let left = body.length; ; left = left >> 7) {
    length.push(left > 127 ? (left & 0x7f) | 0x80 : left);
    if (left <= 127) break;
  }
  return Buffer.concat([Buffer.from([head, ...length]), body]);
}

export interface ConnectOptions {
  readonly clientId?: string;
  readonly username?: string;
  readonly password?: string;
  readonly clean?: boolean;
  readonly will?: { readonly topic: string; readonly payload: string };
  readonly version?: number;
}

/** CONNECT of MQTT 3.1.1, or another version. */
export function connectPacket(options: ConnectOptions): Buffer {
  const { clientId = "raw", username, password, clean = true, will, version = 4 } = options;
  const flags = [
    [clean, 0x02],
    [will !== undefined, 0x04],
    [username !== undefined, 0x80],
    [password !== undefined, 0x40],
  ] as const;
  const texts = [clientId, will?.topic, will?.payload, username, password];
  return packet(
    0x10,
    bytes("MQTT"),
    Buffer.from([version, flags.reduce((all, [isSet, bit]) => all | (isSet ? bit : 0), 0), 0, 60]),
    Buffer.alloc(version === 5 ? 1 : 0),
    ...texts.filter((text) => text !== undefined).map((text) => bytes(text)),
  );
}

export interface PublishOptions {
  readonly qos?: 0 | 1 | 2;
  readonly id?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
}

/** @param topic as bytes, so that a test may send what is no UTF-8 */
export function publishPacket(
  topic: Uint8Array | string,
  payload: Uint8Array | string,
  { qos = 0, id = 1, dup = false, retain = false }: PublishOptions = {},
): Buffer {
  const head = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  return packet(head, bytes(topic), ...(qos > 0 ? [word(id)] : []), Buffer.from(payload as string));
}

export const subscribePacket = (filter: string, qos: 0 | 1 | 2 = 1, id = 9): Buffer =>
  packet(0x82, word(id), bytes(filter), Buffer.from([qos]));

export const pubrelPacket = (id: number): Buffer => packet(0x62, word(id));

/** Types of packets, in the high half of their first byte. */
export const TYPE = { connack: 2, publish: 3, puback: 4, pubrec: 5, pubcomp: 7, suback: 9 } as const;

export interface RawPacket {
  readonly type: number;
  readonly body: Buffer;
}

/** A client that sends whatever bytes it is given. */
export class RawClient {
  readonly packets: RawPacket[] = [];
  readonly #socket: Socket;
  #rest = Buffer.alloc(0);
  isClosed = false;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (chunk) => this.#onData(chunk));
    this.#socket.on("close", () => {
      this.isClosed = true;
    });
    this.#socket.on("error", () => undefined);
  }

  write(...packets: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(packets));
  }

  /** Return code of the CONNACK. */
  async connect(options: ConnectOptions = {}): Promise<number> {
    this.write(connectPacket(options));
    return (await this.next(TYPE.connack)).body[1] ?? -1;
  }

  async next(type: number): Promise<RawPacket> {
    const find = (): number => this.packets.findIndex((given) => given.type === type);
    await until(() => find() !== -1, `a packet of type ${type}`);
    const [found] = this.packets.splice(find(), 1);
    if (found === undefined) throw new Error("no packet");
    return found;
  }

  closed(timeoutMs = 20_000): Promise<void> {
    return until(() => this.isClosed, "the end of the connection", timeoutMs);
  }

  end(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      let length = 0;
      let at = 1;
      for (let shift = 0; ; shift += 7, at++) {
        const byte = this.#rest[at];
        if (byte === undefined) return;
        length |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      const end = at + 1 + length;
      if (this.#rest.length < end) return;
      this.packets.push({ type: (this.#rest[0] ?? 0) >> 4, body: this.#rest.subarray(at + 1, end) });
      this.#rest = this.#rest.subarray(end);
    }
  }
}
