// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  certificatePem,
  createCa,
  createServerCertificate,
  keyPem,
  readKey,
  type Credential,
} from "./pki.ts";
import { HubPeer, type PeerCredential } from "./peer.ts";
import type { SecretStore, StoredSecret } from "./secret-store.ts";

/** KubeEdge's Secrets and keys: raw DER. */
const CA = { secret: "casecret", certificate: "cadata", key: "cakeydata" };
const SERVER = { secret: "cloudcoresecret", certificate: "cloudcoredata", key: "cloudcorekeydata" };

export interface AuthorityOptions {
  /** Id of this hub, for what it shows other hubs. */
  readonly hub: string;
  /** Addresses and names under which edges reach the hub; the server certificate is for these. */
  readonly hosts: readonly string[];
  /** Lifetime of a server certificate that we make. Default 90. */
  readonly serverDays?: number;
}

/** What a TLS listener of the hub needs, in PEM. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The CA of the edges and the hub's own certificate. */
export interface Authority {
  readonly ca: Credential;
  readonly tls: TlsMaterial;
  /** What this hub shows other hubs: a client certificate of one day, renewed in time. */
  peer(): PeerCredential;
  /**
   * Makes a new server certificate when the present one does not fit any more, and a new peer credential in time.
   * Throws ApiError; the present server certificate stays then.
   *
   * @returns whether the server certificate changed; the listeners are told before
   */
  refresh(): Promise<boolean>;
  /** @returns stops telling */
  onChange(listener: (tls: TlsMaterial) => void): () => void;
}

/**
 * Reads the CA and the server certificate, or makes and stores them. Several hubs that do so at once end up with
 * the same CA.
 *
 * @throws {ApiError}
 */
export async function openAuthority(
  store: SecretStore,
  clock: { wallMs(): number },
  options: AuthorityOptions,
): Promise<Authority> {
  const ca = await loadCa(store, clock.wallMs());
  const server = await loadServer({ store, ca, options, nowMs: clock.wallMs() });
  const peer = new HubPeer(ca, options.hub, clock);
  await peer.renew();
  return new StoredAuthority({ store, clock, options, ca, peer }, server);
}

interface Parts {
  readonly store: SecretStore;
  readonly clock: { wallMs(): number };
  readonly options: AuthorityOptions;
  readonly ca: Credential;
  readonly peer: HubPeer;
}

class StoredAuthority implements Authority {
  readonly #parts: Parts;
  readonly #listeners = new Set<(tls: TlsMaterial) => void>();
  #server: Credential;
  #tls: TlsMaterial;

  constructor(parts: Parts, server: Credential) {
    this.#parts = parts;
    this.#server = server;
    this.#tls = tlsMaterial(parts.ca, server);
  }

  get ca(): Credential {
    return this.#parts.ca;
  }

  get tls(): TlsMaterial {
    return this.#tls;
  }

  peer(): PeerCredential {
    return this.#parts.peer.credential;
  }

  async refresh(): Promise<boolean> {
    const { store, clock, options, ca, peer } = this.#parts;
    await peer.renew();
    const nowMs = clock.wallMs();
    if (isUsable(this.#server, ca, options.hosts, nowMs)) return false;
    this.#server = await loadServer({ store, ca, options, nowMs });
    this.#tls = tlsMaterial(ca, this.#server);
    for (const listener of this.#listeners) listener(this.#tls);
    return true;
  }

  onChange(listener: (tls: TlsMaterial) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

async function loadCa(store: SecretStore, nowMs: number): Promise<Credential> {
  const existing = await store.read(CA.secret);
  if (existing !== undefined) return requireCa(existing);
  const made = await createCa(nowMs);
  return requireCa(
    await store.createIfAbsent(CA.secret, { [CA.certificate]: made.certificate, [CA.key]: made.key }),
  );
}

function requireCa(secret: StoredSecret): Credential {
  const ca = credentialOf(secret, CA);
  if (ca === undefined || !fits(ca))
    throw new Error(`the Secret ${CA.secret} holds no usable CA certificate and key`);
  return ca;
}

async function loadServer(of: {
  store: SecretStore;
  ca: Credential;
  options: AuthorityOptions;
  nowMs: number;
}): Promise<Credential> {
  const { store, ca, options, nowMs } = of;
  const existing = await store.read(SERVER.secret);
  const usable = usableServer(existing, of);
  if (usable !== undefined) return usable;
  const made = await createServerCertificate(ca, options.hosts, { nowMs, days: options.serverDays ?? 90 });
  const data = { [SERVER.certificate]: made.certificate, [SERVER.key]: made.key };
  // Another hub may have been faster. Hubs for other addresses store another one; then ours is in memory only.
  return usableServer(await store.replace(SERVER.secret, data, existing), of) ?? made;
}

function usableServer(
  secret: StoredSecret | undefined,
  { ca, options, nowMs }: { ca: Credential; options: AuthorityOptions; nowMs: number },
): Credential | undefined {
  const server = secret === undefined ? undefined : credentialOf(secret, SERVER);
  return server !== undefined && isUsable(server, ca, options.hosts, nowMs) ? server : undefined;
}

function credentialOf(
  { data }: StoredSecret,
  names: { readonly certificate: string; readonly key: string },
): Credential | undefined {
  const certificate = data[names.certificate];
  const key = data[names.key];
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

/** Ours, for all hosts, with its key, and with more than a third of its life left. */
function isUsable(server: Credential, ca: Credential, hosts: readonly string[], nowMs: number): boolean {
  if (!fits(server)) return false;
  const certificate = new X509Certificate(server.certificate);
  const notBeforeMs = Date.parse(certificate.validFrom);
  const notAfterMs = Date.parse(certificate.validTo);
  const isFresh = nowMs >= notBeforeMs && nowMs < notAfterMs - (notAfterMs - notBeforeMs) / 3;
  return (
    isFresh && certificate.verify(new X509Certificate(ca.certificate).publicKey) && covers(certificate, hosts)
  );
}

const covers = (certificate: X509Certificate, hosts: readonly string[]): boolean =>
  hosts.every(
    (host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined,
  );

function fits({ certificate, key }: Credential): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(readKey(key));
  } catch {
    // not even parseable; the callers say what they do about it
    return false;
  }
}

const tlsMaterial = (ca: Credential, server: Credential): TlsMaterial => ({
  ca: certificatePem(ca.certificate),
  cert: certificatePem(server.certificate),
  key: keyPem(server.key),
});
