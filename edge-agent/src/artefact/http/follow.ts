// SPDX-License-Identifier: Apache-2.0
import { ArtefactFault } from "../errors.ts";
import { type Answer, type Ask, type Exchange } from "./exchange.ts";
import type { AddressClass } from "./hosts.ts";

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Follows redirects, as registries send them to where their blobs are: never from HTTPS to less, at most five. Another
 * host gets no credentials, and must be public unless the first host was found in the same network.
 *
 * @throws {ArtefactFault} HOST, REGISTRY
 */
export async function follow(exchange: Exchange, first: Ask): Promise<Answer> {
  let ask = first;
  for (let hops = 0; ; hops++) {
    const answer = await exchange(ask);
    if (!REDIRECTS.has(answer.status)) return answer;
    answer.body.destroy();
    if (hops >= MAX_REDIRECTS)
      throw new ArtefactFault("REGISTRY", `${first.url.host} redirects more than ${MAX_REDIRECTS} times`);
    ask = nextOf(ask, answer);
  }
}

function nextOf(ask: Ask, { headers, network }: Answer): Ask {
  const { location = "" } = headers;
  if (!URL.canParse(location, ask.url.href))
    throw new ArtefactFault("REGISTRY", `${ask.url.host} redirects to nowhere`);
  const url = new URL(location, ask.url);
  if (ask.url.protocol === "https:" && url.protocol !== "https:")
    throw new ArtefactFault("HOST", `${ask.url.host} redirects to a place without TLS`);
  if (url.origin === ask.url.origin) return { ...ask, url };
  return { ...ask, url, headers: withoutCredentials(ask.headers), networks: networksBeside(network) };
}

const withoutCredentials = (headers: Ask["headers"]): Record<string, string> =>
  Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name !== "authorization"));

/** What a host in this network may name: public hosts, and its neighbours. */
export const networksBeside = (network: AddressClass): ReadonlySet<AddressClass> =>
  new Set(network === "special" ? ["public"] : ["public", network]);
