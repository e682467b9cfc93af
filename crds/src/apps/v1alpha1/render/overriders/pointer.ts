// SPDX-License-Identifier: Apache-2.0
import { isFields } from "../json.ts";

/** The keys of a JSON pointer (RFC 6901); undefined for a pointer to the whole, and for what is none. */
export function tokensOf(pointer: string): string[] | undefined {
  if (!pointer.startsWith("/")) return undefined;
  const tokens = pointer.slice(1).split("/");
  return tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export interface Place {
  readonly parent: unknown;
  readonly key: string;
}

/** What holds the place that a pointer leads to, whether or not there is something; undefined without holder. */
export function placeAt(root: unknown, pointer: string): Place | undefined {
  const tokens = tokensOf(pointer);
  const key = tokens?.pop();
  if (tokens === undefined || key === undefined) return undefined;
  let parent: unknown = root;
  for (const token of tokens) parent = step(parent, token);
  return isFields(parent) || Array.isArray(parent) ? { parent, key } : undefined;
}

/** The same, when there is something. */
export function lookUp(root: unknown, pointer: string): Place | undefined {
  const place = placeAt(root, pointer);
  return place !== undefined && step(place.parent, place.key) !== undefined ? place : undefined;
}

const INDEX = /^(0|[1-9]\d{0,9})$/;

/** Whether something can be put there: at any key, but into a list only behind what it has. */
export const canAdd = ({ parent, key }: Place): boolean =>
  !Array.isArray(parent) || key === "-" || (INDEX.test(key) && Number(key) <= parent.length);

/** Only what the value itself has: never what all objects inherit. */
function step(value: unknown, token: string): unknown {
  if (Array.isArray(value)) return INDEX.test(token) ? (value as unknown[])[Number(token)] : undefined;
  return isFields(value) && Object.hasOwn(value, token) ? value[token] : undefined;
}
