// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  decodeTunnelMessage,
  encodeTunnelMessage,
  MAX_TUNNEL_DATA_BYTES,
  TUNNEL_TYPE,
  TunnelMessageError,
} from "../../../src/stream/index.ts";

const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(" ", ""), "hex");

function refusalOf(run: () => unknown): TunnelMessageError {
  try {
    run();
  } catch (error) {
    if (error instanceof TunnelMessageError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("messages of KubeEdge's stream tunnel", () => {
  // Bytes as Go's binary.PutUvarint writes them.
  it.each([
    ["01 03 61", { connection: 1, type: TUNNEL_TYPE.data, payload: Buffer.from("a") }],
    ["7f 04", { connection: 127, type: TUNNEL_TYPE.remove, payload: Buffer.alloc(0) }],
    ["80 01 00 7b 7d", { connection: 128, type: TUNNEL_TYPE.logs, payload: Buffer.from("{}") }],
    ["ac 02 01", { connection: 300, type: TUNNEL_TYPE.exec, payload: Buffer.alloc(0) }],
    ["ff ff ff ff 0f 06 ff fe", { connection: 2 ** 32 - 1, type: TUNNEL_TYPE.attach, payload: hex("fffe") }],
    [
      "ff ff ff ff ff ff ff 0f 02",
      { connection: 2 ** 53 - 1, type: TUNNEL_TYPE.metrics, payload: Buffer.alloc(0) },
    ],
    ["00 05 6e 6f", { connection: 0, type: TUNNEL_TYPE.close, payload: Buffer.from("no") }],
  ])("are the bytes %s", (bytes, message) => {
    expect(encodeTunnelMessage(message).toString("hex")).toBe(hex(bytes).toString("hex"));
    expect(decodeTunnelMessage(hex(bytes))).toEqual(message);
  });

  it("are read back as they were written", () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.oneof(fc.constantFrom(...Object.values(TUNNEL_TYPE)), fc.maxSafeNat()),
        fc.uint8Array(),
        (connection, type, bytes) => {
          const message = { connection, type, payload: Buffer.from(bytes) };
          expect(decodeTunnelMessage(encodeTunnelMessage(message))).toEqual(message);
        },
      ),
    );
  });

  it("are refused, and nothing else happens, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        try {
          const { connection, type } = decodeTunnelMessage(Buffer.from(bytes));
          expect(Number.isSafeInteger(connection) && Number.isSafeInteger(type)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(TunnelMessageError);
        }
      }),
    );
  });

  it.each([
    ["nothing", ""],
    ["a number that is cut off", "80"],
    ["no type", "01"],
    ["a type that is cut off", "01 ff"],
    ["a number beyond 2^53 - 1", "80 80 80 80 80 80 80 10 03"],
    ["the greatest uint64", "ff ff ff ff ff ff ff ff ff 01 03"],
    ["a number of eleven bytes", "80 80 80 80 80 80 80 80 80 80 00 03"],
  ])("are malformed when there is %s", (_what, bytes) => {
    expect(refusalOf(() => decodeTunnelMessage(hex(bytes)))).toMatchObject({
      code: "MALFORMED",
      connection: undefined,
    });
  });

  it("S6 are refused for their stream when they hold more than 1 MiB, and never cut off", () => {
    const payload = Buffer.alloc(MAX_TUNNEL_DATA_BYTES);
    const whole = encodeTunnelMessage({ connection: 300, type: TUNNEL_TYPE.data, payload });
    expect(decodeTunnelMessage(whole).payload.length).toBe(MAX_TUNNEL_DATA_BYTES);
    const tooLong = Buffer.concat([whole, Buffer.alloc(1)]);
    const refused = { code: "TOO_LARGE", connection: 300 };
    expect(refusalOf(() => decodeTunnelMessage(tooLong))).toMatchObject(refused);
    const message = { connection: 300, type: TUNNEL_TYPE.data, payload: tooLong };
    expect(refusalOf(() => encodeTunnelMessage(message))).toMatchObject(refused);
  });
});
