// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { Client } from "../../runtime/client.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { SessionLog } from "../uplink/port.ts";
import type { Authority } from "./authority.ts";
import type { TokenKeeper } from "./token-keeper.ts";

/** Limits and times of the join port. */
export interface JoinOptions {
  readonly host: string;
  /** 0 picks a free port */
  readonly port: number;
  readonly minTlsVersion: "TLSv1.2" | "TLSv1.3";
  /** Lifetime of an issued node certificate. */
  readonly nodeDays: number;
  readonly maxBodyBytes: number;
  readonly maxHeaderBytes: number;
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly maxRequestsPerSocket: number;
  readonly maxConnections: number;
  /** Failures of one address in a minute; the next is answered 429. */
  readonly failuresPerMinute: number;
  /** `GET /node/{name}` of one address in a minute. */
  readonly lookupsPerMinute: number;
  /** Renewals of one node in an hour. */
  readonly rotationsPerHour: number;
  /** Addresses and nodes whose counts are remembered. */
  readonly maxCounted: number;
  /** How often the server certificate and the stored token are looked at, and how soon again after a failure. */
  readonly refreshMs: number;
  readonly refreshRetryMs: number;
  readonly allowLegacySubject: boolean;
}

/** Defaults of the join port. */
export const defaultJoinOptions: JoinOptions = {
  host: "0.0.0.0",
  port: 10002,
  minTlsVersion: "TLSv1.3",
  nodeDays: 365,
  maxBodyBytes: 16 * 1024,
  // a token of 10 KiB is answered 401, not cut off
  maxHeaderBytes: 16 * 1024,
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  maxRequestsPerSocket: 1_000,
  maxConnections: 1_024,
  failuresPerMinute: 10,
  lookupsPerMinute: 120,
  rotationsPerHour: 5,
  maxCounted: 10_000,
  refreshMs: 10 * 60_000,
  refreshRetryMs: 30_000,
  allowLegacySubject: false,
};

/** What the join port needs of its hub. */
export interface JoinDeps {
  readonly authority: Authority;
  readonly tokens: TokenKeeper;
  readonly client: Pick<Client, "get">;
  readonly clock: Clock;
  readonly log: SessionLog;
  readonly registry: Registry;
  /** A certificate is about to be issued by token: what the node acked before is void. Throws when it cannot be told. */
  onIssuedByToken(node: string): Promise<void>;
}
