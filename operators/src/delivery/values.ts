// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "./errors.ts";

/*
 * Values are short binary strings, so that a mailbox stays one listpack in Redis and Lua can compare them by
 * substring:
 *
 *   body   = uid part, digest part, resourceVersion in ASCII (to the end)
 *   part   = 1 byte of length, then the bytes. Length 128+n marks a uid of n ASCII bytes that is no UUID;
 *            a UUID is its 16 raw bytes.
 *   acked  = body
 *   want   = "p" (put) or "d" (del), token (8 bytes), place in the queue (6 bytes, big endian), body.
 *            Capital when something else about the same uid may have reached the edge without an ack.
 */
const TEXT_UID = 128;
const MAX_PART = 127;
const TOKEN_BYTES = 8;
const HEAD_BYTES = 1 + TOKEN_BYTES + 6;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** One version of an object. */
export interface Version {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly digest: string;
}

const ascii = (text: string, what: string): Buffer => {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > MAX_PART) throw new DeliveryError("LIMIT", `${what} is longer than ${MAX_PART} bytes`);
  return bytes;
};

function uidPart(uid: string): Buffer {
  if (UUID.test(uid)) return Buffer.concat([Buffer.from([16]), Buffer.from(uid.replaceAll("-", ""), "hex")]);
  const bytes = ascii(uid, "a uid");
  return Buffer.concat([Buffer.from([TEXT_UID + bytes.length]), bytes]);
}

/** @throws {DeliveryError} LIMIT when a uid or a digest is longer than 127 bytes */
export function encodeBody(version: Version): Buffer {
  const digest = ascii(version.digest, "a digest");
  return Buffer.concat([
    uidPart(version.uid),
    Buffer.from([digest.length]),
    digest,
    Buffer.from(version.resourceVersion, "utf8"),
  ]);
}

const dashed = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

export function decodeBody(body: Buffer): Version {
  const first = body[0] ?? TEXT_UID;
  const uidEnd = 1 + (first >= TEXT_UID ? first - TEXT_UID : first);
  const uid = first >= TEXT_UID ? body.toString("utf8", 1, uidEnd) : dashed(body.toString("hex", 1, uidEnd));
  const digestEnd = uidEnd + 1 + (body[uidEnd] ?? 0);
  return {
    uid,
    digest: body.toString("utf8", uidEnd + 1, digestEnd),
    resourceVersion: body.toString("utf8", digestEnd),
  };
}

/** A value of the `want` hash. */
export interface WantValue extends Version {
  readonly op: "put" | "del";
  /** 16 hex digits */
  readonly token: string;
}

export function decodeWant(value: Buffer): WantValue {
  return {
    op: value.toString("latin1", 0, 1).toLowerCase() === "d" ? "del" : "put",
    token: value.toString("hex", 1, 1 + TOKEN_BYTES),
    ...decodeBody(value.subarray(HEAD_BYTES)),
  };
}

export const encodeToken = (token: string): Buffer => Buffer.from(token, "hex");
