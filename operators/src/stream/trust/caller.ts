// SPDX-License-Identifier: Apache-2.0
import type { StreamRequest } from "@longshore/crds/stream";

/** Who speaks: the API server may do everything, a scraper may read figures, another hub may only open streams. */
export interface Caller {
  readonly kind: "api-server" | "scraper" | "hub";
  /** common name, for logs */
  readonly name: string;
  /** End of the certificate's life, wall clock. */
  readonly notAfterMs: number;
}

/** What is known of a client's certificate after TLS verified it. */
export interface CallerFacts {
  readonly commonNames: readonly string[];
  readonly organizations: readonly string[];
  /** Purposes as OIDs; undefined when the certificate restricts none. */
  readonly usages: readonly string[] | undefined;
  /** The cluster's client CA stands behind it. */
  readonly isOfCluster: boolean;
  /** The CA of hubs and edges stands behind it. */
  readonly isOfHubs: boolean;
  /** From its first moment to its last. */
  readonly lifeMs: number;
  readonly notAfterMs: number;
}

export interface CallerNames {
  readonly apiServerNames: readonly string[];
  readonly scraperNames: readonly string[];
}

export type CallerReason = "usage" | "common_name" | "unknown";
export type Judgement = Caller | { readonly kind: undefined; readonly reason: CallerReason };

/** Organization of the hubs' client certificates. */
export const HUBS_ORGANIZATION = "longshore:hubs";
/** Twice that of a certificate that a hub makes for itself. */
const MAX_HUB_LIFE_MS = 2 * 86_400_000;
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/**
 * Who a client is: which CA stands behind it decides which names mean anything. Everyone who could make one CA sign a
 * name that is known under the other one gains nothing by it.
 */
export function callerOf(facts: CallerFacts, names: CallerNames): Judgement {
  const { commonNames, notAfterMs } = facts;
  if (facts.usages?.includes(CLIENT_AUTH) === false) return { kind: undefined, reason: "usage" };
  const [name = ""] = commonNames;
  if (commonNames.length !== 1 || name === "") return { kind: undefined, reason: "common_name" };
  const kind = kindOf(facts, name, names);
  return kind === undefined ? { kind, reason: "unknown" } : { kind, name, notAfterMs };
}

function kindOf(facts: CallerFacts, name: string, names: CallerNames): Caller["kind"] | undefined {
  if (facts.isOfCluster && names.apiServerNames.includes(name)) return "api-server";
  if (facts.isOfCluster && names.scraperNames.includes(name)) return "scraper";
  if (facts.isOfHubs && isHub(facts)) return "hub";
  return undefined;
}

/**
 * We make these ourselves, so they say all that they are. A CloudCore of the same CA signs whatever subject an edge asks
 * for, but for its own time, which is far longer.
 */
const isHub = ({ organizations, usages, lifeMs }: CallerFacts): boolean =>
  organizations.length === 1 &&
  organizations[0] === HUBS_ORGANIZATION &&
  usages !== undefined &&
  lifeMs <= MAX_HUB_LIFE_MS;

/** May this caller ask for this? Hubs ask in another way. */
export function mayAsk(caller: Caller, request: StreamRequest): boolean {
  if (caller.kind === "api-server") return true;
  return caller.kind === "scraper" && request.verb === "read" && request.what !== "pods";
}
