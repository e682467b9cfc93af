// SPDX-License-Identifier: Apache-2.0
import type { AuthConfig, DeepPartial } from "@longshore/crds/cri";
import type { DataObject } from "../model/index.ts";

interface RegistryLogin {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly identitytoken?: string;
}

/** The registry of names that tell none. */
export const DOCKER_HUB = "docker.io";

/** Registry and repository path that an image name means. */
export function registryOf(image: string): { host: string; path: string } {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (first.includes(".") || first.includes(":") || first === "localhost");
  return isHost ? { host: first, path: rest.join("/") } : { host: DOCKER_HUB, path: image };
}

const normalized = (key: string): string => {
  const bare = key
    .replace(/^https?:\/\//, "")
    .replace(/\/(v1|v2)\/?$/, "")
    .replace(/\/$/, "");
  return bare === "index.docker.io" || bare === "registry-1.docker.io" ? DOCKER_HUB : bare;
};

function parseLogins(secret: DataObject): Readonly<Record<string, RegistryLogin>> {
  const modern = secret.data?.[".dockerconfigjson"];
  const legacy = secret.data?.[".dockercfg"];
  const text = Buffer.from(modern ?? legacy ?? "", "base64").toString("utf8");
  try {
    const parsed = JSON.parse(text === "" ? "{}" : text) as Record<string, unknown>;
    return (modern === undefined ? parsed : (parsed["auths"] ?? {})) as Record<string, RegistryLogin>;
  } catch {
    // a secret that holds no JSON gives no login; the pull then tells what is missing
    return {};
  }
}

function authConfig(host: string, login: RegistryLogin): DeepPartial<AuthConfig> {
  return {
    serverAddress: host,
    username: login.username ?? "",
    password: login.password ?? "",
    auth: login.auth ?? "",
    identityToken: login.identitytoken ?? "",
  };
}

const covers = (key: string, target: string): boolean => target === key || target.startsWith(`${key}/`);

/** Logins of pull secrets that fit an image, the most specific first. */
export function loginsFor(image: string, secrets: readonly DataObject[]): readonly DeepPartial<AuthConfig>[] {
  const { host, path } = registryOf(image);
  const target = `${host}/${path}`;
  return secrets
    .flatMap((secret) => Object.entries(parseLogins(secret)))
    .map(([key, login]) => ({ key: normalized(key), login }))
    .filter(({ key }) => covers(key, target))
    .sort((a, b) => b.key.length - a.key.length)
    .map(({ key, login }) => authConfig(key, login));
}
