// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "./errors.ts";

/** A JSON object whose fields nobody has judged yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Says which field is wrong, and what it must be. @throws {StreamError} always */
export function refuseField(field: string, rule: string): never {
  throw new StreamError("BAD_REQUEST", `${field} ${rule}`);
}

/** @throws {StreamError} UNSUPPORTED for a field that is not `known`: what it means cannot be left out silently */
export function readFields(field: string, value: unknown, known: ReadonlySet<string>): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    refuseField(field, "must be an object");
  for (const name of Object.keys(value))
    if (!known.has(name)) throw new StreamError("UNSUPPORTED", `${field} has a field that is not known here`);
  return value as Fields;
}

export function readText(field: string, value: unknown): string {
  if (typeof value !== "string") refuseField(field, "must be a string");
  return value;
}

export function readFlag(field: string, value: unknown): boolean {
  if (typeof value !== "boolean") refuseField(field, "must be true or false");
  return value;
}

export function readNumber(
  field: string,
  value: unknown,
  range: { readonly min: number; readonly max: number },
): number {
  const isInRange = Number.isSafeInteger(value) && Number(value) >= range.min && Number(value) <= range.max;
  if (!isInRange) refuseField(field, `must be a whole number from ${range.min} to ${range.max}`);
  return value as number;
}

export function readList(field: string, value: unknown, maxItems: number): readonly unknown[] {
  if (!Array.isArray(value)) refuseField(field, "must be a list");
  if (value.length > maxItems) refuseField(field, `must have at most ${maxItems} entries`);
  return value;
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const MAX_LABEL = 63;
const MAX_SUBDOMAIN = 253;

/** RFC 1123 label, as the API server has it for namespaces and containers. */
export const isLabel = (text: string): boolean => text.length <= MAX_LABEL && LABEL.test(text);

/** RFC 1123 subdomain, as the API server has it for pods and nodes; its parts may be longer than a label. */
export const isSubdomain = (text: string): boolean =>
  text.length <= MAX_SUBDOMAIN && text.split(".").every((part) => LABEL.test(part));

export function readLabel(field: string, value: unknown): string {
  const text = readText(field, value);
  if (!isLabel(text)) refuseField(field, `must be a DNS label of at most ${MAX_LABEL} characters`);
  return text;
}

export function readSubdomain(field: string, value: unknown): string {
  const text = readText(field, value);
  if (!isSubdomain(text))
    refuseField(field, `must be a DNS subdomain of at most ${MAX_SUBDOMAIN} characters`);
  return text;
}

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** A moment as RFC 3339 with at most nanoseconds, that is in the calendar. */
export function readTime(field: string, value: unknown): string {
  const text = readText(field, value);
  const local = RFC3339.exec(text)?.[1];
  if (local === undefined || !isInCalendar(local)) refuseField(field, "must be a real time in RFC 3339");
  return text;
}

function isInCalendar(local: string): boolean {
  const date = new Date(`${local}Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(local);
}
