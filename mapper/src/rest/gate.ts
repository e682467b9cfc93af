// SPDX-License-Identifier: Apache-2.0
// Whether a request may be answered at all, by its head. Pure.

/** What of a request's head is judged. */
export interface Head {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
}

export interface Turned {
  readonly status: 400 | 403 | 405 | 421;
  readonly message: string;
}

const METHODS = new Set(["GET", "POST"]);
const ADDRESS = /^(?:\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3})$/i;

/**
 * A GET sets devices here, as KubeEdge's paths have it. So that no web page does it from a browser on this machine,
 * requests that a page made are turned away, and so is a host name that is not ours: it may be anybody's that was
 * pointed at this address (DNS rebinding).
 *
 * @param ownName the name that we listen by
 */
export function turnedAway(head: Head, ownName: string): Turned | undefined {
  if (!METHODS.has(head.method)) return { status: 405, message: "only GET and POST are answered" };
  if (head.host === undefined) return { status: 400, message: "the header Host is missing" };
  const name = head.host.replace(/:\d+$/, "").toLowerCase();
  const isOurs = name === "localhost" || name === ownName.toLowerCase() || ADDRESS.test(name);
  if (!isOurs) return { status: 421, message: "this mapper is not asked by that host name: use its address" };
  const isFromPage = head.origin !== undefined || (head.fetchSite !== undefined && head.fetchSite !== "none");
  return isFromPage ? { status: 403, message: "web pages may not ask a mapper" } : undefined;
}
