// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { RecordStore } from "../../store/port.ts";
import type { Uplink } from "../../tunnel/port.ts";
import { messageOf, type Pod, PodError, podNamespace, podUid, type TokenProjection } from "../model/index.ts";
import { objectOf } from "./reply.ts";

/** What asking for tokens needs of the agent. */
export interface TokenDeps {
  readonly records: RecordStore;
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly queryTimeoutMs: number;
}

/** Where tokens are in the store, by pod uid, audience and seconds. */
export const TOKEN_BUCKET = "pods/tokens";
/** Part of a token's life after which a new one is asked for; a kubelet's. */
const REFRESH_AT = 0.8;
const MAX_AGE_MS = 24 * 3_600_000;
/** The API server's own default, for a projection that names none. */
const DEFAULT_SECONDS = 3600;

/** A token as it is kept. */
export interface HeldToken {
  readonly token: string;
  readonly lifeMs: number;
  /** wall clock when it was received */
  readonly receivedAtMs: number;
}

interface TokenRequest {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
}

/** What is asked of the API server: bound to the pod, the seconds unchanged (3607 alone is extended there). */
export function tokenRequest(pod: Pod, projection: TokenProjection): unknown {
  const audience = projection.audience ?? "";
  return {
    metadata: { creationTimestamp: null },
    spec: {
      audiences: audience === "" ? null : [audience],
      expirationSeconds: projection.expirationSeconds ?? DEFAULT_SECONDS,
      boundObjectRef: { kind: "Pod", apiVersion: "v1", name: pod.metadata.name, uid: podUid(pod) },
    },
    status: { token: "", expirationTimestamp: null },
  };
}

/** Is it time for a new one? A clock that went back says yes, at worst once too often. */
export function isStale(held: HeldToken, nowMs: number): boolean {
  const ageMs = nowMs - held.receivedAtMs;
  return ageMs < 0 || ageMs >= Math.min(held.lifeMs * REFRESH_AT, MAX_AGE_MS);
}

const keyOf = (pod: Pod, projection: TokenProjection): string =>
  `${podUid(pod)}/${projection.audience ?? ""}/${projection.expirationSeconds ?? DEFAULT_SECONDS}`;

async function ask(deps: TokenDeps, pod: Pod, projection: TokenProjection): Promise<HeldToken> {
  const account = pod.spec.serviceAccountName ?? "default";
  const resource = `${podNamespace(pod)}/serviceaccounttoken/${account}`;
  const frame = await deps.uplink.request(
    { operation: "query", resource, content: tokenRequest(pod, projection) },
    { timeoutMs: deps.queryTimeoutMs },
  );
  const { status } = objectOf(frame, resource) as TokenRequest;
  if (!status?.token) throw new PodError("REFUSED", `${resource}: the answer holds no token`);
  const receivedAtMs = deps.clock.nowMs();
  const expiresAtMs = Date.parse(status.expirationTimestamp ?? "");
  const asked = (projection.expirationSeconds ?? DEFAULT_SECONDS) * 1000;
  const lifeMs =
    Number.isNaN(expiresAtMs) || expiresAtMs <= receivedAtMs ? asked : expiresAtMs - receivedAtMs;
  return { token: status.token, lifeMs, receivedAtMs };
}

/** Tokens of the ServiceAccounts of pods. */
export interface Tokens {
  /** @throws {PodError} UNREACHABLE, REFUSED when there is none and none can be had */
  get(pod: Pod, projection: TokenProjection): Promise<string>;
  forget(uid: string): Promise<void>;
}

/** ServiceAccount tokens, kept durably; while the cloud is away the last one is used, even past its end. */
export function createTokens(deps: TokenDeps): Tokens {
  return {
    get: async (pod, projection) => {
      const key = keyOf(pod, projection);
      const held = deps.records.get(TOKEN_BUCKET, key) as HeldToken | undefined;
      if (held && (!isStale(held, deps.clock.nowMs()) || !deps.uplink.isConnected())) return held.token;
      try {
        const fresh = await ask(deps, pod, projection);
        await deps.records.put(TOKEN_BUCKET, key, fresh);
        return fresh.token;
      } catch (error) {
        if (held) return held.token;
        if (error instanceof PodError) throw error;
        throw new PodError("UNREACHABLE", `no token for ${pod.metadata.name}: ${messageOf(error)}`, {
          cause: error,
        });
      }
    },
    forget: async (uid) => {
      const mine = deps.records.list(TOKEN_BUCKET).filter(([key]) => key.startsWith(`${uid}/`));
      await Promise.all(mine.map(([key]) => deps.records.delete(TOKEN_BUCKET, key)));
    },
  };
}
