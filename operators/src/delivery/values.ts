// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "./errors.ts";

/*
 * Values are short binary strings, so that a mailbox stays one listpack in Redis and Lua can compare them by
 * substring:
 *
 *   body   = uid part, digest part, resourceVersion in ASCII (to the end)
 *   part   = 1 byte of length, then the bytes. Length 128+n marks n bytes of text; a UUID, and a digest of
 *            32 hex digits, are their 16 raw bytes.
 *   acked  = body
 *   want   = "p" (put) or "d" (del), token (8 bytes), place in the queue (6 bytes, big endian), body.
 *            Capital when something else about the same uid may have reached the edge without an ack.
 */
const TEXT = 128;
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

const HEX_DIGEST = /^[0-9a-f]{32}$/;

/** @throws {DeliveryError} LIMIT when a uid or a digest is longer than 127 bytes */
export function encodeBody(version: Version): Buffer {
  const uid = UUID.test(version.uid) ? raw(version.uid.replaceAll("-", "")) : text(version.uid, "a uid");
  const digest = HEX_DIGEST.test(version.digest) ? raw(version.digest) : text(version.digest, "a digest");
  return Buffer.concat([uid, digest, Buffer.from(version.resourceVersion, "utf8")]);
}

const raw = (hex: string): Buffer => Buffer.from(`10${hex}`, "hex");

function text(value: string, what: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  if (bytes.length > MAX_PART) throw new DeliveryError("LIMIT", `${what} is longer than ${MAX_PART} bytes`);
  return Buffer.concat([Buffer.from([TEXT + bytes.length]), bytes]);
}

interface Part {
  readonly isText: boolean;
  readonly value: string;
  readonly end: number;
}

function partAt(body: Buffer, at: number): Part {
  const first = body[at] ?? TEXT;
  const isText = first >= TEXT;
  const end = at + 1 + (isText ? first - TEXT : first);
  return { isText, value: body.toString(isText ? "utf8" : "hex", at + 1, end), end };
}

const dashed = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

export function decodeBody(body: Buffer): Version {
  const uid = partAt(body, 0);
  const digest = partAt(body, uid.end);
  return {
    uid: uid.isText ? uid.value : dashed(uid.value),
    digest: digest.value,
    resourceVersion: body.toString("utf8", digest.end),
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
