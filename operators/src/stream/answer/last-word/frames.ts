// SPDX-License-Identifier: Apache-2.0

/** Frames of one protocol, one way, as far as a gate must know them to end between two of them. */
export interface Frames {
  /**
   * @param header begins with the first bytes of a frame
   * @param length how many of them have come, at least 1
   * @returns of header and payload, never less than `length`; undefined when more must come to tell; Infinity when
   *   this is no such frame
   */
  sizeOf(header: Buffer, length: number): number | undefined;
  /** The frame that begins so, with all that `sizeOf` asked for, has been passed on. */
  passed(header: Buffer): void;
  /** What tells of the failure. @returns undefined when the other side has had its last word */
  lastWord(failure: Buffer): Buffer | undefined;
}

/** What `sizeOf` may ask for at most. */
export const MAX_HEADER_BYTES = 16;
