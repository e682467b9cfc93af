// SPDX-License-Identifier: Apache-2.0
import { lookup as systemLookup, type LookupAddress } from "node:dns";
import { request as plainRequest, type IncomingMessage } from "node:http";
import { request as tlsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { ArtefactFault, wordsOf } from "../errors.ts";
import { classOf, nameOf, type AddressClass } from "./hosts.ts";

export interface ExchangeOptions {
  /** PEM of authorities that are trusted beside the machine's; undefined: none. */
  readonly ca?: string;
  /** `host:port` of registries that speak plain HTTP. */
  readonly insecureHosts: readonly string[];
  /** Silence after which a connection is given up. Default 30 s. */
  readonly idleTimeoutMs?: number;
  readonly userAgent: string;
  /** Resolves names; default the system's. */
  readonly lookup?: typeof systemLookup;
}

export interface Ask {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Hosts whose address may be of these networks; others must be public. */
  readonly networks: ReadonlySet<AddressClass>;
  readonly signal: AbortSignal;
}

export interface Answer {
  /** Who gave it, after redirects. */
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: IncomingMessage;
  /** Network that the answer came from. */
  readonly network: AddressClass;
}

/** One GET, without following anything. */
export type Exchange = (ask: Ask) => Promise<Answer>;

const IDLE_TIMEOUT_MS = 30_000;
/** Networks of a host that somebody of this machine named: any but link-local, metadata and the like. */
export const ANY_NETWORK: ReadonlySet<AddressClass> = new Set(["public", "private", "loopback"]);
export const PUBLIC_NETWORK: ReadonlySet<AddressClass> = new Set(["public"]);

/** @throws {ArtefactFault} HOST for schemes and addresses that are not to be asked, REGISTRY without an answer */
export function createExchange(options: ExchangeOptions): Exchange {
  const secureContext = contextOf(options.ca);
  return async (ask) => {
    checkScheme(ask.url, options.insecureHosts);
    checkLiteral(ask);
    return send(ask, options, secureContext);
  };
}

function contextOf(ca: string | undefined): SecureContext | undefined {
  return ca === undefined ? undefined : createSecureContext({ ca: [...getCACertificates("default"), ca] });
}

/** Whether a host may be spoken to without TLS. */
export const isInsecure = (url: URL, insecureHosts: readonly string[]): boolean =>
  insecureHosts.some((host) => host === url.host || (url.port === "" && host === `${url.hostname}:80`));

function checkScheme(url: URL, insecureHosts: readonly string[]): void {
  const isFine = url.protocol === "https:" || (url.protocol === "http:" && isInsecure(url, insecureHosts));
  if (!isFine || url.username !== "" || url.password !== "")
    throw new ArtefactFault("HOST", `${url.host} is to be asked by HTTPS alone`);
}

function checkLiteral({ url, networks }: Ask): void {
  const name = nameOf(url);
  if (isIP(name) !== 0 && !networks.has(classOf(name))) throw refused(name);
}

const refused = (name: string): ArtefactFault =>
  new ArtefactFault("HOST", `${name} is at an address that is not to be asked on behalf of a registry`);

function send(
  { url, headers, networks, signal }: Ask,
  options: ExchangeOptions,
  secureContext: SecureContext | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(unanswered(url, error));
    const request = (url.protocol === "https:" ? tlsRequest : plainRequest)(
      url,
      {
        agent: false,
        headers: { "user-agent": options.userAgent, "accept-encoding": "identity", ...headers },
        lookup: guarded(networks, options.lookup ?? systemLookup),
        timeout: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
        signal,
        ...(secureContext === undefined ? {} : { secureContext }),
      },
      (body) => {
        const network = classOf(body.socket.remoteAddress ?? "0.0.0.0");
        resolve({ url, status: body.statusCode ?? 0, headers: body.headers, body, network });
      },
    );
    request.once("timeout", () => request.destroy(new Error("it is silent")));
    request.once("error", fail);
    request.end();
  });
}

/** Causes of errors name addresses and codes, no header that we sent. */
export function unanswered(url: URL, error: unknown): ArtefactFault {
  if (error instanceof ArtefactFault) return error;
  return new ArtefactFault("REGISTRY", `${url.host} cannot be reached: ${reasonOf(error)}`, error);
}

/** Of several addresses that were tried, what each said. */
const reasonOf = (error: unknown): string =>
  error instanceof AggregateError ? error.errors.map(wordsOf).join(", ").slice(0, 300) : wordsOf(error);

/** Resolves a name and leaves out what it must not lead to, at the moment of connecting: names can change. */
function guarded(networks: ReadonlySet<AddressClass>, resolve: typeof systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const fine = error === null ? addresses.filter(({ address }) => networks.has(classOf(address))) : [];
      const [first] = fine;
      if (first === undefined) callback(error ?? refused(hostname), "", 0);
      else if (options.all === true) (callback as unknown as AllCallback)(null, fine);
      else callback(null, first.address, first.family);
    });
  };
}

type AllCallback = (error: null, addresses: LookupAddress[]) => void;
