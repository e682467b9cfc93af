// SPDX-License-Identifier: Apache-2.0
// What a request asks for, by its path. Pure. The paths are those of mappers made with KubeEdge's framework.

/** One thing that can be asked. `device` and `model` are `namespace/name`. */
export type Route =
  | { readonly ask: "ping" | "devices" }
  | { readonly ask: "metrics" }
  | { readonly ask: "read"; readonly device: string; readonly property: string }
  | { readonly ask: "methods" | "model"; readonly device: string }
  | { readonly ask: "database"; readonly device: string }
  | {
      readonly ask: "call";
      readonly device: string;
      readonly method: string;
      readonly property: string;
      readonly text: string;
    };

/** Gets the segments that are stars in the pattern. */
type Make = (parts: readonly string[]) => Route;

const id = (namespace = "", name = ""): string => `${namespace}/${name}`;
const ofDevice =
  (ask: "methods" | "model" | "database"): Make =>
  ([namespace, name]) => ({ ask, device: id(namespace, name) });

const ROUTES: readonly (readonly [pattern: string, make: Make])[] = [
  ["api/v1/ping", () => ({ ask: "ping" })],
  ["api/v1/device", () => ({ ask: "devices" })],
  [
    "api/v1/device/*/*/*",
    ([namespace, name, property = ""]) => ({ ask: "read", device: id(namespace, name), property }),
  ],
  ["api/v1/devicemethod/*/*", ofDevice("methods")],
  [
    "api/v1/devicemethod/*/*/*/*/*",
    ([namespace, name, method = "", property = "", text = ""]) => ({
      ...{ ask: "call", device: id(namespace, name) },
      ...{ method, property, text },
    }),
  ],
  ["api/v1/meta/model/*/*", ofDevice("model")],
  ["api/v1/database/*/*", ofDevice("database")],
  ["metrics", () => ({ ask: "metrics" })],
];

const TABLE = ROUTES.map(([pattern, make]) => ({ pattern: pattern.split("/"), make }));

/**
 * @param path without its query
 * @returns "malformed" for one that is no path, undefined for one that nothing is at
 */
export function routeOf(path: string): Route | "malformed" | undefined {
  const segments = decoded(path.slice(1).split("/"));
  if (segments === undefined) return "malformed";
  for (const { pattern, make } of TABLE) {
    if (pattern.length !== segments.length) continue;
    if (!pattern.every((part, i) => part === "*" || part === segments[i])) continue;
    return make(segments.filter((_, i) => pattern[i] === "*"));
  }
  return undefined;
}

/** A slash in a name or value comes encoded, and stays within its segment. */
function decoded(segments: readonly string[]): readonly string[] | undefined {
  try {
    return segments.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
