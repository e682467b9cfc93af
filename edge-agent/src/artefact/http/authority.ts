// SPDX-License-Identifier: Apache-2.0
import { ArtefactFault } from "../errors.ts";
import { jsonOf } from "../image/manifest.ts";
import type { Challenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import type { Exchange } from "./exchange.ts";
import { follow } from "./follow.ts";
import type { AddressClass } from "./hosts.ts";
import { readBody } from "./read.ts";

export interface AuthorityRequest {
  readonly challenge: Challenge;
  readonly repository: string;
  readonly credentials: Credentials | undefined;
  readonly networks: ReadonlySet<AddressClass>;
  /** Whether the registry itself was asked by HTTPS: then its token service is, too. */
  readonly isSecure: boolean;
  readonly signal: AbortSignal;
}

const MAX_TOKEN_BYTES = 65_536;

/**
 * The Authorization that a registry's challenge asks for: Basic, or a Bearer token that its token service gives for
 * pulling this repository and nothing else, to anybody or to the holder of the credentials.
 *
 * @throws {ArtefactFault} DENIED, REGISTRY, HOST
 */
export async function authorize(exchange: Exchange, request: AuthorityRequest): Promise<string> {
  const { challenge, credentials } = request;
  if (challenge.scheme === "bearer") return `Bearer ${await tokenOf(exchange, request, challenge)}`;
  if (credentials === undefined)
    throw denied("the registry wants a login: longshore.upgrade.credentialsFile has none for it");
  return basic(credentials);
}

async function tokenOf(
  exchange: Exchange,
  { repository, credentials, networks, isSecure, signal }: AuthorityRequest,
  { realm, service }: Extract<Challenge, { scheme: "bearer" }>,
): Promise<string> {
  const url = new URL(realm);
  if (isSecure && url.protocol !== "https:")
    throw new ArtefactFault("HOST", "the registry names a token service without TLS");
  url.searchParams.set("service", service);
  url.searchParams.set("scope", `repository:${repository}:pull`);
  const headers = credentials === undefined ? {} : { authorization: basic(credentials) };
  const answer = await follow(exchange, { url, headers, networks, signal });
  const body = await readBody(url, answer, MAX_TOKEN_BYTES);
  if (answer.status === 401 || answer.status === 403)
    throw denied("the registry's token service takes no such credentials");
  if (answer.status !== 200)
    throw new ArtefactFault("REGISTRY", `the token service ${url.host} answers ${answer.status}`);
  return tokenIn(body);
}

/** Token services write it by one of two names. */
function tokenIn(body: Buffer): string {
  const { token, access_token: accessToken } = jsonOf(body);
  const found = [token, accessToken].find((text) => typeof text === "string" && /^[\x21-\x7e]+$/.test(text));
  if (typeof found !== "string") throw denied("the registry's token service gives no token");
  return found;
}

const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

export const denied = (why: string): ArtefactFault => new ArtefactFault("DENIED", why);
