// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { ArtefactFault } from "../errors.ts";
import { MANIFEST_TYPES } from "../image/manifest.ts";
import { DOCKER_HUB } from "../image/reference.ts";
import { authorize, denied } from "./authority.ts";
import { parseChallenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { ANY_NETWORK, isInsecure, type Answer, type Exchange } from "./exchange.ts";
import { follow, networksBeside } from "./follow.ts";
import type { AddressClass } from "./hosts.ts";
import { readBody } from "./read.ts";

export interface RegistryOptions {
  readonly host: string;
  readonly repository: string;
  readonly exchange: Exchange;
  readonly insecureHosts: readonly string[];
  readonly credentials: Credentials | undefined;
  /** Sent as it is, instead of asking for one: `registryAPI.token`. */
  readonly token?: string;
  /** Where the registry may be; default anywhere but link-local. */
  readonly networks?: ReadonlySet<AddressClass>;
}

/** One repository of one registry (OCI distribution 1.1), to read from. */
export interface Registry {
  /** @throws {ArtefactFault} MISSING, DENIED, REGISTRY, LIMIT, DIGEST */
  manifest(
    reference: string,
    signal: AbortSignal,
  ): Promise<{ readonly digest: string; readonly bytes: Buffer }>;
  /** From this byte on if the registry can; status 206 says so. @throws {ArtefactFault} MISSING, DENIED, REGISTRY */
  blob(
    digest: string,
    from: number,
    signal: AbortSignal,
  ): Promise<{ readonly url: URL; readonly answer: Answer }>;
}

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

export function createRegistry(options: RegistryOptions): Registry {
  const base = baseOf(options);
  let authorization = options.token === undefined ? undefined : `Bearer ${options.token}`;

  /** Asks; when the registry then says how it wants to be asked, asks once more in that way. */
  async function get(path: string, headers: Record<string, string>, signal: AbortSignal) {
    const url = new URL(path, base);
    const ask = (): Promise<Answer> =>
      follow(options.exchange, {
        url,
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
        networks: options.networks ?? ANY_NETWORK,
        signal,
      });
    let answer = await ask();
    // Another host that it led us to has nothing to ask of us.
    if (answer.status === 401 && answer.url.origin === url.origin) {
      answer.body.destroy();
      authorization = await answerTo(answer, options, signal);
      answer = await ask();
    }
    return { url, answer: checked(url, answer, path) };
  }

  return {
    manifest: async (reference, signal) => {
      const headers = { accept: MANIFEST_TYPES.join(", ") };
      const { url, answer } = await get(`manifests/${reference}`, headers, signal);
      const bytes = await readBody(url, answer, MAX_MANIFEST_BYTES);
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      const said = answer.headers["docker-content-digest"] ?? digest;
      if (said !== digest || (reference.includes(":") && reference !== digest))
        throw new ArtefactFault(
          "DIGEST",
          `${url.host} gives a manifest that does not have the digest it should have`,
        );
      return { digest, bytes };
    },
    blob: (digest, from, signal) =>
      get(`blobs/${digest}`, from === 0 ? {} : { range: `bytes=${from}-` }, signal),
  };
}

function baseOf({ host, repository, insecureHosts }: RegistryOptions): URL {
  const name = host === DOCKER_HUB ? "registry-1.docker.io" : host;
  const plain = new URL(`http://${name}`);
  return new URL(`${isInsecure(plain, insecureHosts) ? "http" : "https"}://${name}/v2/${repository}/`);
}

async function answerTo(answer: Answer, options: RegistryOptions, signal: AbortSignal): Promise<string> {
  const challenge = parseChallenge(answer.headers["www-authenticate"]);
  if (challenge === undefined || options.token !== undefined)
    throw denied(`${answer.url.host} does not let this node in`);
  return authorize(options.exchange, {
    challenge,
    repository: options.repository,
    credentials: options.credentials,
    networks: networksBeside(answer.network),
    isSecure: baseOf(options).protocol === "https:",
    signal,
  });
}

/** @throws {ArtefactFault} when the answer is none of those that bring something */
function checked(url: URL, answer: Answer, path: string): Answer {
  const { status } = answer;
  if (status === 200 || status === 206) return answer;
  answer.body.destroy();
  if (status === 401 || status === 403) throw denied(`${url.host} does not let this node in`);
  if (status === 404) throw new ArtefactFault("MISSING", `${url.host} has no ${path}`);
  throw new ArtefactFault("REGISTRY", `${url.host} answers ${status}`);
}
