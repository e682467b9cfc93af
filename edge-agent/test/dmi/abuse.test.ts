// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { DeviceManagerService, MapperRegisterResponse } from "@longshore/crds/dmi";
import fc from "fast-check";
import { mkdtempSync } from "node:fs";
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDmiServer } from "../../src/dmi/index.ts";
import type { DmiServerOptions } from "../../src/dmi/port.ts";
import { mapperSide } from "../devices/support/mapper-side.ts";
import { until } from "../tunnel/fakes.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function open(
  options: Partial<DmiServerOptions> = {},
): Promise<{ socketPath: string; isWell: () => Promise<boolean> }> {
  const socketPath = join(mkdtempSync(join(tmpdir(), "dmi-")), "dmi.sock");
  const handlers = {
    mapperRegister: () => Promise.resolve(MapperRegisterResponse.create()),
    reportDeviceStatus: () => undefined,
    reportDeviceStates: () => undefined,
  };
  const server = await openDmiServer({ ...options, socketPath }, handlers, () => undefined);
  stops.push(() => server.stop());
  const other = mapperSide(socketPath);
  stops.push(() => other.close());
  const isWell = (): Promise<boolean> =>
    other.call(DeviceManagerService.mapperRegister, { withData: true }).then(
      () => true,
      () => false,
    );
  return { socketPath, isWell };
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const [HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION] = [1, 3, 4, 6, 7, 9];
const [END_STREAM, END_HEADERS] = [0x1, 0x4];

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), integer(value.length), Buffer.from(value)]);

function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

const CALL = Buffer.concat([
  literal(":method", "POST"),
  literal(":scheme", "http"),
  literal(":path", DeviceManagerService.mapperRegister.path),
  literal(":authority", "localhost"),
  literal("content-type", "application/grpc"),
  literal("te", "trailers"),
]);

interface Raw {
  readonly socket: Socket;
  /** Types of the frames that came. */
  readonly types: () => number[];
  readonly isClosed: () => boolean;
  /** Waits while the other side does not read. */
  readonly write: (bytes: Buffer) => Promise<void>;
}

async function raw(socketPath: string): Promise<Raw> {
  const socket = connect(socketPath);
  stops.push(() => socket.destroy());
  let bytes = Buffer.alloc(0);
  let isClosed = false;
  socket.on("data", (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
  socket.on("error", () => undefined);
  socket.once("close", () => (isClosed = true));
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]));
  const types = (): number[] => {
    const found: number[] = [];
    for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
      found.push(bytes[at + 3] ?? -1);
    return found;
  };
  const write = (chunk: Buffer): Promise<void> =>
    new Promise((resolve) => {
      if (isClosed || socket.destroyed) resolve();
      else socket.write(chunk, () => resolve());
    });
  return { socket, types, isClosed: () => isClosed, write };
}

const isEnded = (side: Raw): boolean => side.types().includes(GOAWAY) || side.isClosed();

describe("one who abuses the protocol", () => {
  it("B123 with calls that are reset at once is sent away, and the others go on", async () => {
    const { socketPath, isWell } = await open();
    const side = await raw(socketPath);
    const reset = Buffer.from([0, 0, 0, 8]);
    for (let stream = 1; stream < 40_000 && !isEnded(side); stream += 2) {
      await side.write(
        Buffer.concat([frame(HEADERS, END_HEADERS, stream, CALL), frame(RST_STREAM, 0, stream, reset)]),
      );
    }
    await until(() => isEnded(side), "the end of the connection");
    expect(side.types()).toContain(GOAWAY);
    expect(await isWell()).toBe(true);
  });

  it("B123 with headers that never end is sent away, and the others go on", async () => {
    const { socketPath, isWell } = await open();
    const side = await raw(socketPath);
    await side.write(frame(HEADERS, 0, 1, CALL));
    const more = frame(CONTINUATION, 0, 1, literal("x-more", "y".repeat(16_000)));
    const beforeBytes = process.memoryUsage().rss;
    for (let i = 0; i < 2_000 && !isEnded(side); i++) await side.write(more);
    await until(() => isEnded(side), "the end of the connection");
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(32 * 1024 * 1024);
    expect(await isWell()).toBe(true);
  });

  it("B123 with 64 KiB of metadata is sent away, and the others go on", async () => {
    const { socketPath, isWell } = await open();
    const side = await raw(socketPath);
    const block = Buffer.concat([
      CALL,
      ...Array.from({ length: 5 }, (_, i) => literal(`x-${i}`, "y".repeat(14_000))),
    ]);
    await side.write(frame(HEADERS, END_STREAM, 1, block.subarray(0, 16_000)));
    for (let at = 16_000; at < block.length; at += 16_000) {
      const isLast = at + 16_000 >= block.length;
      await side.write(frame(CONTINUATION, isLast ? END_HEADERS : 0, 1, block.subarray(at, at + 16_000)));
    }
    await until(() => side.isClosed(), "the end of the connection");
    expect(side.types()).toContain(GOAWAY);
    expect(side.types().filter((type) => type === HEADERS)).toEqual([]);
    expect(await isWell()).toBe(true);
  });

  it("B123 with a few bytes that stand for megabytes of metadata is sent away, and the others go on", async () => {
    const { socketPath, isWell } = await open();
    const side = await raw(socketPath);
    const entry = Buffer.concat([
      Buffer.of(0x40, 1),
      Buffer.from("x"),
      integer(4_000),
      Buffer.alloc(4_000, "y"),
    ]);
    const beforeBytes = process.memoryUsage().rss;
    const block = Buffer.concat([CALL, entry, Buffer.alloc(10_000, 0xbe)]);
    await side.write(frame(HEADERS, END_HEADERS | END_STREAM, 1, block));
    await until(() => side.types().includes(RST_STREAM) || isEnded(side), "a refusal");
    expect(side.types()).not.toContain(HEADERS);
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(32 * 1024 * 1024);
    expect(await isWell()).toBe(true);
  });

  it("B123 with many requests that never end is sent away, and the others go on, also in the midst of one", async () => {
    const { socketPath, isWell } = await open();
    const MIB = 1024 * 1024;
    const begin = (count: number): { session: ClientHttp2Session; write: (bytes: Buffer) => void } => {
      const session = connectHttp2("http://localhost", { createConnection: () => connect(socketPath) });
      session.on("error", () => undefined);
      stops.push(() => session.destroy());
      const streams = Array.from({ length: count }, (): ClientHttp2Stream => {
        const stream = session.request({
          ":method": "POST",
          ":path": DeviceManagerService.mapperRegister.path,
          "content-type": "application/grpc",
          te: "trailers",
        });
        return stream.on("error", () => undefined);
      });
      return { session, write: (bytes) => streams.forEach((stream) => void stream.write(bytes)) };
    };
    const half = Buffer.alloc(MIB);
    half.writeUInt32BE(2 * MIB, 1);
    const [slow, bad] = [begin(1), begin(80)];
    slow.write(half);
    const beforeBytes = process.memoryUsage().rss;
    bad.write(half);
    await until(() => bad.session.destroyed, "the end of the connection");
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(160 * MIB);
    expect(slow.session.destroyed).toBe(false);
    expect(await isWell()).toBe(true);
  });

  it.each([
    { how: "says nothing", hello: Buffer.alloc(0) },
    { how: "says no more than hello", hello: Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]) },
  ])("B123 with many connections on which it $how leaves room for others", async ({ hello }) => {
    const { socketPath, isWell } = await open({ maxConnections: 4, quietMs: 0 });
    const busy = await raw(socketPath);
    for (let i = 0; i < 10; i++) {
      const socket = connect(socketPath);
      stops.push(() => socket.destroy());
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.once("connect", resolve));
      if (hello.length > 0) socket.write(hello);
      const before = busy.types().length;
      await busy.write(frame(PING, 0, 0, Buffer.alloc(8)));
      await until(() => busy.types().length > before, "the answer of who is busy");
    }
    expect(await isWell()).toBe(true);
    expect(busy.isClosed()).toBe(false);
  });

  it("S37 no bytes on the socket end the agent, with HTTP/2's greeting before them or without", async () => {
    const { socketPath, isWell } = await open();
    const anything = fc.uint8Array({ minLength: 1, maxLength: 400 });
    const frames = fc
      .array(
        fc.tuple(
          fc.integer({ min: 0, max: 12 }),
          fc.integer({ min: 0, max: 255 }),
          fc.integer({ min: 0, max: 9 }),
          anything,
        ),
        { minLength: 1, maxLength: 10 },
      )
      .map((all) =>
        Buffer.concat([
          ...[PREFACE, frame(SETTINGS, 0, 0)],
          ...all.map(([type, flags, stream, payload]) => frame(type, flags, stream, Buffer.from(payload))),
        ]),
      );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          anything.map((bytes) => Buffer.from(bytes)),
          frames,
        ),
        async (bytes) => {
          const socket = connect(socketPath);
          socket.on("error", () => undefined);
          const closed = new Promise((resolve) => socket.once("close", resolve));
          socket.resume();
          socket.end(bytes);
          await closed;
        },
      ),
      { numRuns: 500 },
    );
    expect(await isWell()).toBe(true);
  });
});
