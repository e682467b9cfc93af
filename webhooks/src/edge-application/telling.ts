// SPDX-License-Identifier: Apache-2.0
import type { ObjectChange, PlaceChange } from "./changes.ts";
import type { Difference } from "./difference.ts";

/** Number of nodes of a target; `isAll` false: at least so many. undefined: could not be counted now. */
export type NodeCount = { readonly nodes: number; readonly isAll: boolean } | undefined;

export interface Blast {
  readonly places: readonly PlaceChange[];
  /** Nodes by the target's name. */
  readonly nodes: ReadonlyMap<string, NodeCount>;
  /** All targets of the application. */
  readonly targets: number;
  /** Those that were not compared. */
  readonly skipped: number;
}

/** What clients show of one warning; the API server cuts the rest when there is much. */
const MAX_CHARS = 256;
const MAX_VALUE_CHARS = 60;
/** Differences told of one object. */
const MAX_PATHS = 3;

/** What an edit would do, in sentences: first all together, then each place. */
export function tellBlast(blast: Blast): string[] {
  const { places, skipped } = blast;
  if (places.length === 0)
    return [`dry run: nothing that is deployed changes${skipped > 0 ? `; ${notCompared(skipped)}` : ""}`];
  return [summary(blast), ...places.flatMap((place) => tellPlace(place, blast))];
}

const notCompared = (skipped: number): string => `${plural(skipped, "target")} not compared`;

function summary({ places, nodes, targets, skipped }: Blast): string {
  const objects = places.flatMap((place) => place.objects);
  const count = (what: ObjectChange["what"]): number => objects.filter((one) => one.what === what).length;
  const changed = places.filter(({ target }) => target !== undefined).length;
  const known = [...nodes.values()].filter((one) => one !== undefined);
  const total = known.reduce((sum, one) => sum + one.nodes, 0);
  const atLeast = known.length < changed || known.some(({ isAll }) => !isAll) ? "at least " : "";
  const restarts = places.filter((place) => place.objects.some(({ isRestart }) => isRestart)).length;
  return [
    `dry run: ${changed} of ${plural(targets, "target")} change, with ${atLeast}${plural(total, "node")}`,
    `objects: ${count("created")} created, ${count("changed")} changed, ${count("deleted")} deleted`,
    restarts > 0 ? `pods restart in ${plural(restarts, "target")}` : "no pod restarts",
    ...(skipped > 0 ? [notCompared(skipped)] : []),
  ].join("; ");
}

function tellPlace({ target, objects }: PlaceChange, { nodes }: Blast): string[] {
  const where = target === undefined ? "once" : `${target.name}${countOf(nodes.get(target.name))}`;
  return objects.map((object) => cut(`${where}: ${tellObject(object)}`, MAX_CHARS));
}

const countOf = (count: NodeCount): string =>
  count === undefined ? "" : ` (${count.isAll ? "" : "at least "}${plural(count.nodes, "node")})`;

function tellObject({ what, kind, name, differences, isRestart }: ObjectChange): string {
  const title = `${kind} ${name}`;
  if (what !== "changed") return `${title} is ${what}`;
  const shown = differences.slice(0, MAX_PATHS).map((one) => tellDifference(kind, one));
  const more = differences.length > MAX_PATHS ? `, and ${differences.length - MAX_PATHS} more` : "";
  return `${isRestart ? "pods restart: " : ""}${title}: ${shown.join(", ")}${more}`;
}

function tellDifference(kind: string, { path, before, after }: Difference): string {
  if (isSecret(kind, path) || [before, after].some(holdsSecret)) return `${path} changes`;
  return `${path} ${valueOf(before)} → ${valueOf(after)}`;
}

/** Whole files, as clear as their names: of Secrets and ConfigMaps. */
const FILES: Readonly<Record<string, RegExp>> = {
  Secret: /^(data|stringData|metadata)\b/,
  ConfigMap: /^(data|binaryData)\b/,
};
/** The environment, what is called with, headers of probes. */
const OPEN = /(^|\.)env(From)?[.[]|\.(args|command|httpHeaders)\[|\.annotations\b/;
const SECRET_NAME =
  /passw|pwd|passphrase|secret|token|credential|authorization|(api|access|private)[-_]?key|connection[-_]?string/i;
/** `https://user:password@host`, `?token=…` */
const SECRET_TEXT =
  /:\/\/[^/\s:@]*:[^/\s@]+@|[?&;](password|passwd|pwd|secret|token|api_?key|access_token|sig)=/i;

/** Values that nobody is to read over a shoulder. */
const isSecret = (kind: string, path: string): boolean =>
  FILES[kind]?.test(path) === true || OPEN.test(path) || SECRET_NAME.test(lastOf(path));

const holdsSecret = (value: unknown): boolean => typeof value === "string" && SECRET_TEXT.test(value);

/** Of a key that may be as long as an object: enough to tell what it is called. */
const MAX_KEY_CHARS = 253;

/** `password` of `spec.db.password`; what an item is called too, when it is its value: `[password].value`. */
const lastOf = (path: string): string =>
  /(\[[^[\]]*\]|[^.[\]]+)(\.value)?$/.exec(path.slice(-MAX_KEY_CHARS))?.[0] ?? path;

function valueOf(value: unknown): string {
  if (value === undefined) return "none";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "[…]" : "{…}";
  return cut(typeof value === "string" ? value : JSON.stringify(value), MAX_VALUE_CHARS);
}

/** At most so many characters, without those that would end a header. */
export function cut(text: string, max: number): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Cs}]/gu, " ");
  return plain.length <= max ? plain : `${plain.slice(0, max - 1)}…`;
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
