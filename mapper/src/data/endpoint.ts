// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from "./port.ts";

/** Why a push method is not carried out. Constant words: an address may hold what must not be told. */
export type PushRefusal =
  | "no address"
  | "address is not understood"
  | "scheme is not supported"
  | "credentials in the address"
  | "something is missing"
  | "something is out of range";

/** How the addresses of one kind look. */
export interface AddressForm {
  /** Scheme → whether it is TLS and its usual port. The first is the one of an address without a scheme. */
  readonly schemes: Readonly<Record<string, { readonly isTls: boolean; readonly port: number }>>;
  readonly hasPath: boolean;
}

export interface Address {
  readonly endpoint: Endpoint;
  /** Path and query; "" when the address has none. */
  readonly path: string;
}

/** Names and addresses; nothing that could lead a file name elsewhere. */
const HOST = /^[a-z0-9_:]([a-z0-9._:-]*[a-z0-9_:.])?$/i;
const SECRET_PARAMETER =
  /^(.*[_-])?(token|password|passwd|pwd|pass|secret|auth|authorization|(api|access)?[_-]?key)$/i;

/** Reads an address, which may lack its scheme and port. */
export function parseAddress(text: string, form: AddressForm): Address | PushRefusal {
  const trimmed = text.trim();
  if (trimmed === "") return "no address";
  const whole = trimmed.includes("://") ? trimmed : `${Object.keys(form.schemes)[0] ?? ""}://${trimmed}`;
  if (!isUrl(whole)) return "address is not understood";
  const url = new URL(whole);
  const usual = new Map(Object.entries(form.schemes)).get(url.protocol.slice(0, -1));
  if (!usual) return "scheme is not supported";
  if (hasCredentials(url)) return "credentials in the address";
  const endpoint = { isTls: usual.isTls, host: hostOf(url), port: portOf(whole) ?? usual.port };
  const address = { endpoint, path: pathOf(url) };
  return isFit(address, form) && url.hash === "" ? address : "address is not understood";
}

/** A URL's parser passes over some letters silently; nothing that is meant has them. */
const isUrl = (text: string): boolean => !/[\s\p{Cc}\\]/u.test(text) && URL.canParse(text);

const isFit = ({ endpoint: { host, port }, path }: Address, { hasPath }: AddressForm): boolean =>
  isHost(host) && port > 0 && (hasPath || path === "");

const pathOf = ({ pathname, search }: URL): string => `${pathname === "/" ? "" : pathname}${search}`;

const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();

/** A URL forgets the port that is usual for its scheme, which may not be the one that is usual here. */
function portOf(address: string): number | undefined {
  const [, port] = /^[^:]*:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/.exec(address) ?? [];
  return port === undefined ? undefined : Number(port);
}

const isHost = (host: string): boolean => HOST.test(host) && !host.includes("..");

/** Whether a path carries a credential as a parameter. */
export function hasSecretParameter(path: string): boolean {
  const query = path.split("?").slice(1).join("?");
  return [...new URLSearchParams(query).keys()].some((name) => SECRET_PARAMETER.test(name));
}

const hasCredentials = (url: URL): boolean =>
  url.username !== "" || url.password !== "" || hasSecretParameter(url.search);

/** `host:port`, as a URL has it. */
export const authorityOf = ({ host, port }: Endpoint): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;
