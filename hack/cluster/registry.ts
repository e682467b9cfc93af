// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { join } from "node:path";
import { exec } from "../exec.ts";
import { blobOf, imageWith, manifestOf } from "../package/image.ts";
import { push, type Target } from "../package/push.ts";
import { busyboxImage } from "./images.ts";
import type { Layout } from "./layout.ts";
import { createAuthority } from "./pki.ts";
import { createPorts } from "./ports.ts";
import { startProcess, stopProcess, waitReady } from "./processes.ts";

/** Who is let in. */
export interface RegistryUser {
  readonly username: string;
  readonly password: string;
}

/** What asks a token service (distribution's `auth.token`). */
export interface TokenService {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** PEM of the authority that tokens' certificates are of. */
  readonly rootFile: string;
}

export interface RegistryOptions {
  /** Of the process and its folder; default `registry`. */
  readonly name?: string;
  readonly user?: RegistryUser;
  readonly tokens?: TokenService;
  /** Speak plain HTTP; default TLS by an authority of its own. */
  readonly insecure?: boolean;
}

/** A registry of this machine alone. */
export interface LocalRegistry {
  /** `127.0.0.1:<port>`, as images are named. */
  readonly address: string;
  /** PEM of its authority; "" when it speaks plain HTTP. */
  readonly caFile: string;
  /** For `push` and `publish` of hack/package. */
  readonly target: Target;
  stop(): Promise<void>;
}

const READY_MS = 60_000;
const FIRST_PORT_OFFSET = 30;

const AUTHORITY = "registry-ca";

/** PEM of a registry's authority; the file is there once the registry was started. */
export const registryCaFile = (layout: Layout, name = "registry"): string =>
  join(layout.dir, name, `${AUTHORITY}.crt`);

/** Starts Debian's docker-registry on a free port of 127.0.0.1, with its images in the layout's folder. */
export async function startRegistry(layout: Layout, options: RegistryOptions = {}): Promise<LocalRegistry> {
  const { name = "registry", user, insecure = false } = options;
  const dir = join(layout.dir, name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const address = `127.0.0.1:${await createPorts().take(layout.firstPort + FIRST_PORT_OFFSET)}`;
  const tls = insecure ? undefined : await tlsFiles(dir);
  const auth = await authOf(dir, options);
  const config = join(dir, "config.yml");
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(configOf({ dir, address, tls, auth }), null, 2), { mode: 0o600 });
  const record = startProcess(layout, {
    name,
    command: "docker-registry",
    args: ["serve", config],
    env: { OTEL_TRACES_EXPORTER: "none" },
  });
  const target = {
    host: address,
    insecure,
    ...(tls === undefined ? {} : { ca: await readFile(tls.ca, "utf8") }),
    ...user,
  };
  await waitReady(layout, record, READY_MS, () => answers(target));
  return {
    address,
    caFile: tls?.ca ?? "",
    target,
    stop: async () => {
      await stopProcess(layout, name, { forget: true });
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/**
 * Pushes this machine's static busybox as an image.
 *
 * @returns its name, such as `127.0.0.1:31000/private/busybox:1.36`
 */
export async function pushBusybox(
  { address, target }: LocalRegistry,
  repository = "private/busybox",
  tag = "1.36",
): Promise<string> {
  const { layer, config } = await busyboxImage();
  const layers = [blobOf("application/vnd.oci.image.layer.v1.tar", layer)];
  const configBlob = blobOf("application/vnd.oci.image.config.v1+json", Buffer.from(config));
  const image = imageWith([...layers, configBlob], manifestOf(configBlob, layers));
  await push(target, repository, tag, image);
  return `${address}/${repository}:${tag}`;
}

/** What a containerd's `hosts.toml` says of a registry; 1.6 takes none without a table of hosts. */
export function hostsToml({ address, caFile }: Pick<LocalRegistry, "address" | "caFile">): string {
  const url = `${caFile === "" ? "http" : "https"}://${address}`;
  const ca = caFile === "" ? "" : `  ca = ${JSON.stringify(caFile)}\n`;
  return `server = "${url}"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n${ca}`;
}

/** Lets an environment's containerd trust a registry, at once: it looks into this folder at each pull. */
export function trustRegistry(layout: Layout, registry: Pick<LocalRegistry, "address" | "caFile">): void {
  const dir = join(registryHosts(layout), registry.address);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "hosts.toml"), hostsToml(registry));
}

/** Folder of containerd's `config_path`. */
export const registryHosts = (layout: Layout): string => join(layout.dir, "registry-hosts");

async function tlsFiles(
  dir: string,
): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const authority = await createAuthority(dir, AUTHORITY);
  const { cert, key } = await authority.issue({
    name: "registry",
    commonName: "registry",
    hosts: ["127.0.0.1", "localhost"],
  });
  return { ca: authority.files.cert, cert, key };
}

async function authOf(dir: string, { user, tokens }: RegistryOptions): Promise<object | undefined> {
  if (tokens !== undefined) {
    const { realm, service, issuer, rootFile: rootcertbundle } = tokens;
    return { token: { realm, service, issuer, rootcertbundle } };
  }
  if (user === undefined) return undefined;
  const path = join(dir, "htpasswd");
  writeFileSync(path, `${user.username}:${await bcrypt(user.password)}\n`, { mode: 0o600 });
  return { htpasswd: { realm: "registry", path } };
}

/** The one form of password that the registry takes; every Debian has a perl, and Node has no bcrypt. */
async function bcrypt(password: string): Promise<string> {
  const salt = `$2y$05$${randomBytes(11).toString("hex")}`;
  const program = "print crypt($ARGV[0], $ARGV[1])";
  return (await exec("perl", ["-e", program, password, salt])).stdout.trim();
}

function configOf(parts: {
  readonly dir: string;
  readonly address: string;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly auth: object | undefined;
}): object {
  const { dir, address, tls, auth } = parts;
  return {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, "images") }, delete: { enabled: true } },
    http: {
      addr: address,
      secret: randomBytes(16).toString("hex"),
      relativeurls: true,
      ...(tls === undefined ? {} : { tls: { certificate: tls.cert, key: tls.key } }),
    },
    ...(auth === undefined ? {} : { auth }),
  };
}

/** Whether it answers at all: 401 is an answer. */
function answers({ host, insecure, ca }: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const request = (insecure === true ? plainRequest : tlsRequest)(
      `${insecure === true ? "http" : "https"}://${host}/v2/`,
      { agent: false, timeout: 2_000, ...(ca === undefined ? {} : { ca }) },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200 || answer.statusCode === 401);
      },
    );
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false));
    request.end();
  });
}
