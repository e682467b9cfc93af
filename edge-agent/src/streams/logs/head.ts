// SPDX-License-Identifier: Apache-2.0
import { isTimestamp } from "./timestamp.ts";

/** Most bytes before the text of a line: a timestamp, a stream and the tags, of which there may be more one day. */
export const MAX_HEAD_BYTES = 1024;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const COLON = 0x3a;
const PARTIAL = 0x50;
const STDOUT = Buffer.from("stdout");
const STDERR = Buffer.from("stderr");

/** What stands before the text of a line. Filled anew for each line, for there are a million a second. */
export interface LineHead {
  timestampEnd: number;
  textAt: number;
  isStderr: boolean;
  /** The line goes on in the next one of its stream. */
  isPartial: boolean;
}

/** `cut`: the bytes end before the head does. `malformed`: this is no line of a runtime. */
export type HeadFound = "whole" | "cut" | "malformed";

const isWord = (text: Uint8Array, at: number, word: Uint8Array): boolean => {
  for (let i = 0; i < word.length; i++) if (text[at + i] !== word[i]) return false;
  return true;
};

/** Where the next space is; -1 when the line or the bytes end before. */
function spaceAfter(text: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const value = text[i];
    if (value === SPACE) return i;
    if (value === NEWLINE) return -1;
  }
  return -1;
}

/** 1 for stderr, 0 for stdout, -1 for another word in `text[at, end)`. */
function streamOf(text: Uint8Array, at: number, end: number): number {
  if (end - at !== STDOUT.length) return -1;
  if (isWord(text, at, STDOUT)) return 0;
  return isWord(text, at, STDERR) ? 1 : -1;
}

const isPartialTag = (text: Uint8Array, at: number): boolean =>
  text[at] === PARTIAL && (text[at + 1] === SPACE || text[at + 1] === COLON);

/** Whether it is only the end of the bytes that is in the way. */
const isCut = (text: Uint8Array, at: number): boolean =>
  text.length < at + MAX_HEAD_BYTES && text.indexOf(NEWLINE, at) < 0;

/** Reads `<timestamp> stdout|stderr P|F[:tag…] ` at `at`. @see the CRI's log format */
export function readHead(text: Uint8Array, at: number, head: LineHead): HeadFound {
  const end = Math.min(text.length, at + MAX_HEAD_BYTES);
  const stream = spaceAfter(text, at, end) + 1;
  const tags = stream && spaceAfter(text, stream, end) + 1;
  const line = tags && spaceAfter(text, tags, end) + 1;
  if (line === 0) return isCut(text, at) ? "cut" : "malformed";
  const name = streamOf(text, stream, tags - 1);
  if (name < 0 || !isTimestamp(text, at, stream - 1)) return "malformed";
  head.isStderr = name === 1;
  head.isPartial = isPartialTag(text, tags);
  head.timestampEnd = stream - 1;
  head.textAt = line;
  return "whole";
}
