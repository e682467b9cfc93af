// SPDX-License-Identifier: Apache-2.0
import { randomBytes, randomUUID } from "node:crypto";
import type { SecretStore, StoredSecret } from "./secret-store.ts";
import { caPin, joinToken, verifyJwt, type TokenClaims, type TokenFault } from "./token.ts";

/** Where `keadm gettoken` looks for the current token. */
const TOKEN = { secret: "tokensecret", key: "tokendata" };
/** Ours: the key that signs tokens. KubeEdge signs with the private key of its CA. */
const SIGNING = { secret: "longshore-join", key: "hmackey" };
const KEY_BYTES = 32;

export interface TokenOptions {
  /** Lifetime of the token that is stored for `keadm gettoken`; it is replaced when half of that is over. Default 24 h. */
  readonly ttlMs?: number;
}

export interface TokenKeeper {
  /** Judges a bearer token for a node that wants to join. */
  verify(jwt: string, node: string): { claims: TokenClaims } | { fault: TokenFault };
  /** A new token; not stored. */
  create(options: { readonly ttlMs: number; readonly node?: string }): string;
  /** Replaces the stored token when it is old or not ours. Throws ApiError. @returns whether it did */
  refresh(): Promise<boolean>;
}

/**
 * Reads the signing key, or makes and stores one; then sees to the stored token.
 *
 * @throws {ApiError}
 */
export async function openTokenKeeper(
  store: SecretStore,
  caDer: Uint8Array,
  clock: { wallMs(): number },
  options: TokenOptions = {},
): Promise<TokenKeeper> {
  const stored =
    (await store.read(SIGNING.secret)) ??
    (await store.createIfAbsent(SIGNING.secret, { [SIGNING.key]: randomBytes(KEY_BYTES) }));
  const key = stored.data[SIGNING.key];
  if (key === undefined || key.length < KEY_BYTES)
    throw new Error(`the Secret ${SIGNING.secret} holds no usable key`);
  const keeper = new StoredTokens({ store, caDer, clock, key, ttlMs: options.ttlMs ?? 24 * 3_600_000 });
  await keeper.refresh();
  return keeper;
}

interface Parts {
  readonly store: SecretStore;
  readonly caDer: Uint8Array;
  readonly clock: { wallMs(): number };
  readonly key: Buffer;
  readonly ttlMs: number;
}

class StoredTokens implements TokenKeeper {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  verify(jwt: string, node: string): { claims: TokenClaims } | { fault: TokenFault } {
    const { key, clock } = this.#parts;
    return verifyJwt(jwt, { key, node, nowMs: clock.wallMs() });
  }

  create({ ttlMs, node }: { ttlMs: number; node?: string }): string {
    const { caDer, clock, key } = this.#parts;
    const exp = Math.floor((clock.wallMs() + ttlMs) / 1000);
    return joinToken(caDer, { exp, jti: randomUUID(), ...(node === undefined ? {} : { node }) }, key);
  }

  async refresh(): Promise<boolean> {
    const { store, ttlMs } = this.#parts;
    const stored = await store.read(TOKEN.secret);
    if (stored !== undefined && this.#isGood(stored)) return false;
    await store.replace(TOKEN.secret, { [TOKEN.key]: Buffer.from(this.create({ ttlMs })) }, stored);
    return true;
  }

  /** For any node, of this CA and key, and with more than half of its life left, but not more than all of it. */
  #isGood({ data }: StoredSecret): boolean {
    const { caDer, clock, key, ttlMs } = this.#parts;
    const [pin, ...jwt] = (data[TOKEN.key]?.toString() ?? "").split(".");
    if (pin !== caPin(caDer)) return false;
    const judged = verifyJwt(jwt.join("."), { key, node: "", nowMs: clock.wallMs() });
    if (!("claims" in judged)) return false;
    const leftMs = judged.claims.exp * 1000 - clock.wallMs();
    return leftMs > ttlMs / 2 && leftMs <= ttlMs;
  }
}
