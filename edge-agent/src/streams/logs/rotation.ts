// SPDX-License-Identifier: Apache-2.0

/** A log that was moved aside. */
export interface Rotated {
  readonly name: string;
  readonly ino: bigint;
}

/** `3.log.20261121-020705`. What a kubelet has compressed since is not read. */
const STAMP = /^\.\d{8}-\d{6}$/;

/** Names of what was moved aside of this log, oldest first. */
export function rotatedNames(names: readonly string[], log: string): readonly string[] {
  return names.filter((name) => name.startsWith(log) && STAMP.test(name.slice(log.length))).sort();
}

// A name alone is not enough: two rotations within a second leave one name; a number of a file is soon used again.
const keyOf = (file: Rotated): string => `${file.name} ${file.ino}`;

/** Where a reader is among the files that a log is made of, each written after the one before it was left. */
export interface Place {
  /** the file that is being read */
  readonly ino: bigint;
  /** Files that are older than it. */
  readonly passed: ReadonlySet<string>;
}

/** The place of a reader that begins with this file, given what is aside. */
export function beginAt(ino: bigint, aside: readonly Rotated[]): Place {
  const at = aside.findIndex((file) => file.ino === ino);
  return { ino, passed: new Set((at < 0 ? aside : aside.slice(0, at)).map(keyOf)) };
}

/** Files aside that were written after the one that is being read, oldest first. */
export function newerThan(place: Place, aside: readonly Rotated[]): readonly Rotated[] {
  return aside.filter((file) => file.ino !== place.ino && !place.passed.has(keyOf(file)));
}

/** The place after going on to this file, given what is aside. Remembers no more than is there. */
export function goOnTo(ino: bigint, place: Place, aside: readonly Rotated[]): Place {
  const newer = newerThan(place, aside);
  const at = newer.findIndex((file) => file.ino === ino);
  const ahead = new Set((at < 0 ? [] : newer.slice(at)).map(keyOf));
  return { ino, passed: new Set(aside.map(keyOf).filter((key) => !ahead.has(key))) };
}
