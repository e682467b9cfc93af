// SPDX-License-Identifier: Apache-2.0
import type { AuthConfig, DeepPartial } from "@longshore/crds/cri";

/** A Secret with logins as it is held: base64 texts by key. */
export interface LoginSecret {
  readonly data?: Readonly<Record<string, string>> | null;
}

/** What the runtime gets to log in with. */
export type Login = DeepPartial<AuthConfig>;

/** The registry of names that tell none. */
export const DOCKER_HUB = "docker.io";

/** Registry and repository path that an image name means. */
export function registryOf(image: string): { host: string; path: string } {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (first.includes(".") || first.includes(":") || first === "localhost");
  return isHost ? { host: first, path: rest.join("/") } : { host: DOCKER_HUB, path: image };
}

const HUB_ALIASES = new Set(["index.docker.io", "registry-1.docker.io"]);

/** A key of the secret as host and path, without the scheme and the API's version. */
function registryOfKey(key: string): { host: string; path: string } {
  const bare = key
    .replace(/^https?:\/\//, "")
    .replace(/\/(v1|v2)\/?$/, "")
    .replace(/\/$/, "");
  const [host = "", ...rest] = bare.split("/");
  return { host: HUB_ALIASES.has(host) ? DOCKER_HUB : host, path: rest.join("/") };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `.dockerconfigjson` has its logins below `auths`, the older `.dockercfg` at the root. */
function entriesOf(secret: LoginSecret): readonly (readonly [key: string, login: unknown])[] {
  const modern = secret.data?.[".dockerconfigjson"];
  const text = Buffer.from(modern ?? secret.data?.[".dockercfg"] ?? "", "base64").toString("utf8");
  try {
    const parsed: unknown = JSON.parse(text === "" ? "{}" : text);
    const logins = isRecord(parsed) && modern !== undefined ? parsed["auths"] : parsed;
    return isRecord(logins) ? Object.entries(logins) : [];
  } catch {
    // a secret that holds no JSON gives no login; the pull then tells what is missing
    return [];
  }
}

/** True when there is at least one login in it, for whatever registry. */
export const holdsLogins = (secret: LoginSecret): boolean => entriesOf(secret).length > 0;

const textOf = (login: Readonly<Record<string, unknown>>, name: string): string =>
  typeof login[name] === "string" ? login[name] : "";

/**
 * User and password are read out of `auth`, which goes before them. The server's address is left out: containerd
 * takes it for a URL, and a bare host makes it drop the login.
 */
function toLogin(login: Readonly<Record<string, unknown>>): Login {
  const identityToken = textOf(login, "identitytoken");
  const [user, ...rest] = Buffer.from(textOf(login, "auth"), "base64").toString("utf8").split(":");
  const pair =
    rest.length > 0
      ? { username: user ?? "", password: rest.join(":").replace(/\0+$/, "") }
      : { username: textOf(login, "username"), password: textOf(login, "password") };
  return { ...pair, identityToken };
}

/** One label of a host name against one that may hold `*`, as in `*.example.com`; in linear time. */
function isLabelMatch(pattern: string, label: string): boolean {
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return pattern === label;
  if (!label.startsWith(first)) return false;
  let at = first.length;
  for (const part of others) {
    const found = label.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return label.length - last.length >= at && label.endsWith(last);
}

/** Name and port; an IPv6 address keeps its brackets. */
function splitHost(host: string): { labels: readonly string[]; port: string } {
  const port = /:\d+$/.exec(host)?.[0] ?? "";
  const name = host.slice(0, host.length - port.length);
  return { labels: name.startsWith("[") ? [name] : name.split("."), port };
}

/** Label by label and with the same port, as a kubelet compares hosts. */
function isHostMatch(pattern: string, host: string): boolean {
  const [wanted, given] = [splitHost(pattern), splitHost(host)];
  return (
    wanted.port === given.port &&
    wanted.labels.length === given.labels.length &&
    wanted.labels.every((each, i) => isLabelMatch(each, given.labels[i] ?? ""))
  );
}

const isBelow = (prefix: string, path: string): boolean =>
  prefix === "" || path === prefix || [":", "@", "/"].some((end) => path.startsWith(prefix + end));

/** Logins of pull secrets that fit an image, the most specific first. */
export function loginsFor(image: string, secrets: readonly LoginSecret[]): readonly Login[] {
  const { host, path } = registryOf(image);
  return secrets
    .flatMap(entriesOf)
    .flatMap(([key, login]) => (isRecord(login) ? [{ ...registryOfKey(key), login }] : []))
    .filter((each) => isHostMatch(each.host, host) && isBelow(each.path, path))
    .sort((a, b) => b.path.length - a.path.length || b.host.length - a.host.length)
    .map(({ login }) => toLogin(login));
}
