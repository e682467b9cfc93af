// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { PassThrough, Readable } from "node:stream";
import { createBodyReader } from "../src/body.ts";

const LIMITS = { maxBytes: 1_000, smallBytes: 100, permits: 1, maxWaiting: 1, waitMs: 20 };
const json = (bytes: number): Buffer => Buffer.from(JSON.stringify("x".repeat(bytes - 2)));
const inPieces = (body: Buffer): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(body.length / 50) }, (_, i) => body.subarray(i * 50, i * 50 + 50)),
  );
const told = (bytes: number) => ({ "content-length": String(bytes) });
const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });

/** A large body that has begun and not ended. */
function begun(): PassThrough {
  const stream = new PassThrough();
  stream.write(json(200).subarray(0, 150));
  return stream;
}

describe("the reader of bodies", () => {
  it.each([1, 99, 100, 101, 1_000])("reads %d bytes, however they come", async (bytes) => {
    const body = bytes === 1 ? Buffer.from("1") : json(bytes);
    expect(await createBodyReader(LIMITS)(inPieces(body), told(bytes))).toEqual(JSON.parse(body.toString()));
  });

  it("S2 refuses what is too large by its header without reading it, and by its bytes as soon as they are", async () => {
    const read = createBodyReader(LIMITS);
    const untouched = new PassThrough();
    await expect(read(untouched, { "content-length": "1001" })).rejects.toEqual(code("BODY_SIZE"));
    expect(untouched.readableFlowing).toBeNull();
    await expect(read(inPieces(json(2_000)), told(1_000))).rejects.toEqual(code("BODY_SIZE"));
    await expect(read(inPieces(json(101)), {})).rejects.toEqual(code("BODY_SIZE"));
    expect(await read(inPieces(json(500)), told(500))).toHaveLength(498);
  });

  it("S2 reads one large body at a time, refuses those beyond the queue, and small ones pass by", async () => {
    const read = createBodyReader({ ...LIMITS, waitMs: 10_000 });
    const first = begun();
    const reading = read(first, told(200));
    await new Promise((resolve) => setImmediate(resolve));
    const second = read(inPieces(json(200)), told(200));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(read(inPieces(json(200)), told(200))).rejects.toEqual(code("BUSY"));
    expect(await read(inPieces(json(90)), {})).toHaveLength(88);
    first.end(json(200).subarray(150));
    expect([await reading, await second].map((value) => (value as string).length)).toEqual([198, 198]);
  });

  it("gives a permit back when its body breaks off, and lets nobody wait for ever", async () => {
    const read = createBodyReader(LIMITS);
    const first = begun();
    const reading = read(first, told(200));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(read(inPieces(json(200)), told(200))).rejects.toEqual(code("BUSY"));
    first.destroy(new Error("gone"));
    await expect(reading).rejects.toThrow("gone");
    expect(await read(inPieces(json(200)), told(200))).toHaveLength(198);
  });
});
