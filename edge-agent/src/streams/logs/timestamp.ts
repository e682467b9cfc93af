// SPDX-License-Identifier: Apache-2.0

/** A point in time; numbers of JavaScript cannot hold nanoseconds since the epoch in one. */
export interface Instant {
  /** since the epoch */
  readonly seconds: number;
  readonly nanos: number;
}

const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const COMMA = 0x2c;
const PLUS = 0x2b;
const ZERO = 0x30;
const T = 0x54;
const Z = 0x5a;
/** `2006-01-02T15:04:05` */
const SECONDS_END = 19;
const NANO_DIGITS = 9;
const MONTH_DAYS = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const byte = (text: Uint8Array, at: number): number => text[at] ?? 0;
const isDigit = (value: number): boolean => value >= ZERO && value <= ZERO + 9;

/** Two decimal digits; NaN when they are none, which fails every comparison. */
function two(text: Uint8Array, at: number): number {
  const high = byte(text, at);
  const low = byte(text, at + 1);
  return isDigit(high) && isDigit(low) ? (high - ZERO) * 10 + low - ZERO : Number.NaN;
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

function isDate(text: Uint8Array, at: number): boolean {
  if (byte(text, at + 4) !== DASH || byte(text, at + 7) !== DASH) return false;
  const year = two(text, at) * 100 + two(text, at + 2);
  const month = two(text, at + 5);
  const day = two(text, at + 8);
  if (!(year >= 0 && month >= 1 && day >= 1 && day <= (MONTH_DAYS[month] ?? 0))) return false;
  return month !== 2 || day < 29 || isLeap(year);
}

function isTime(text: Uint8Array, at: number): boolean {
  if (byte(text, at + 2) !== COLON || byte(text, at + 5) !== COLON) return false;
  return two(text, at) <= 23 && two(text, at + 3) <= 59 && two(text, at + 6) <= 59;
}

/** After the digits of a fraction; `at` itself when there is none. */
function fractionEnd(text: Uint8Array, at: number, end: number): number {
  const mark = byte(text, at);
  if ((mark !== DOT && mark !== COMMA) || !isDigit(byte(text, at + 1))) return at;
  let last = at + 1;
  while (last < end && isDigit(byte(text, last))) last++;
  return last;
}

function isZone(text: Uint8Array, at: number, end: number): boolean {
  if (end - at === 1) return byte(text, at) === Z;
  const sign = byte(text, at);
  if (end - at !== 6 || (sign !== PLUS && sign !== DASH) || byte(text, at + 3) !== COLON) return false;
  return two(text, at + 1) <= 24 && two(text, at + 4) <= 59;
}

/** Whether `text[at, end)` is a timestamp of RFC 3339, with any number of digits after the second. */
export function isTimestamp(text: Uint8Array, at: number, end: number): boolean {
  if (end - at <= SECONDS_END || byte(text, at + 10) !== T) return false;
  if (!isDate(text, at) || !isTime(text, at + 11)) return false;
  return isZone(text, fractionEnd(text, at + SECONDS_END, end), end);
}

/** Days since the epoch of a date of the Gregorian calendar. @see Howard Hinnant, days_from_civil */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** Seconds that the zone is ahead of UTC. */
function zoneSeconds(text: Uint8Array, at: number): number {
  if (byte(text, at) === Z) return 0;
  const ahead = two(text, at + 1) * 3600 + two(text, at + 4) * 60;
  return byte(text, at) === DASH ? -ahead : ahead;
}

/** The moment that a timestamp names. `isTimestamp` must hold for it. */
export function instantOf(text: Uint8Array, at: number, end: number): Instant {
  const days = daysOf(two(text, at) * 100 + two(text, at + 2), two(text, at + 5), two(text, at + 8));
  const ofDay = two(text, at + 11) * 3600 + two(text, at + 14) * 60 + two(text, at + 17);
  const fraction = at + SECONDS_END;
  const zone = fractionEnd(text, fraction, end);
  let nanos = 0;
  for (let digit = 1; digit <= NANO_DIGITS; digit++) {
    nanos = nanos * 10 + (fraction + digit < zone ? byte(text, fraction + digit) - ZERO : 0);
  }
  return { seconds: days * 86_400 + ofDay - zoneSeconds(text, zone), nanos };
}

/** The moment that this text names; undefined when it names none. */
export function parseInstant(text: string): Instant | undefined {
  const bytes = Buffer.from(text);
  return isTimestamp(bytes, 0, bytes.length) ? instantOf(bytes, 0, bytes.length) : undefined;
}

export const isBefore = (a: Instant, b: Instant): boolean =>
  a.seconds === b.seconds ? a.nanos < b.nanos : a.seconds < b.seconds;

/**
 * Writes a timestamp as a kubelet prints it: nine digits after the second, its own zone, `Z` for UTC.
 *
 * @returns where it ends in `out`
 */
export function writeTimestamp(
  text: Uint8Array,
  span: { readonly at: number; readonly end: number },
  out: Uint8Array,
  outAt: number,
): number {
  const { at, end } = span;
  let to = outAt;
  for (let i = 0; i < SECONDS_END; i++) out[to++] = byte(text, at + i);
  out[to++] = DOT;
  const fraction = at + SECONDS_END;
  const zone = fractionEnd(text, fraction, end);
  for (let digit = 1; digit <= NANO_DIGITS; digit++) {
    out[to++] = fraction + digit < zone ? byte(text, fraction + digit) : ZERO;
  }
  if (zoneSeconds(text, zone) === 0) {
    out[to++] = Z;
    return to;
  }
  for (let i = zone; i < end; i++) out[to++] = byte(text, i);
  return to;
}
