// SPDX-License-Identifier: Apache-2.0
import type { PropertyType, Value } from "../driver.ts";

/** One reading on its way to an application or a database. */
export interface Sample {
  readonly namespace: string;
  readonly device: string;
  readonly property: string;
  readonly type: PropertyType;
  /** The value as a twin carries it. */
  readonly text: string;
  readonly value: Value;
  /** Milliseconds since the epoch: when it was read. */
  readonly atMs: number;
}

/** Where a server listens. `host` is a name, an IPv4 address, or an IPv6 address without brackets. */
export interface Endpoint {
  readonly isTls: boolean;
  readonly host: string;
  readonly port: number;
}

export interface HttpTarget {
  readonly kind: "http";
  readonly endpoint: Endpoint;
  /** Path and query. */
  readonly path: string;
  /** undefined: the data plane's own deadline */
  readonly timeoutMs: number | undefined;
}

export interface MqttTarget {
  readonly kind: "mqtt";
  readonly endpoint: Endpoint;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly isRetained: boolean;
}

export interface Influxdb2Target {
  readonly kind: "influxdb2";
  readonly endpoint: Endpoint;
  /** What the address has before `/api/v2`: "" or a path without a slash at its end. */
  readonly basePath: string;
  readonly org: string;
  readonly bucket: string;
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fieldKey: string;
}

export interface RedisTarget {
  readonly kind: "redis";
  readonly endpoint: Endpoint;
  readonly db: number;
}

export interface MysqlTarget {
  readonly kind: "mysql";
  readonly endpoint: Endpoint;
  readonly database: string;
  readonly userName: string;
}

export interface TdengineTarget {
  readonly kind: "tdengine";
  readonly endpoint: Endpoint;
  readonly database: string;
}

export interface OtelTarget {
  readonly kind: "otel";
  readonly endpoint: Endpoint;
  /** Path and query. */
  readonly path: string;
}

/** Where a property is pushed to: a `pushMethod` that has been checked. Holds no secret. */
export type Target =
  HttpTarget | MqttTarget | Influxdb2Target | RedisTarget | MysqlTarget | TdengineTarget | OtelTarget;

export type TargetKind = Target["kind"];

/** A sample and the target that it goes to. */
export interface Delivery<T extends Target = Target> {
  readonly sample: Sample;
  readonly target: T;
}

export type SinkErrorCode =
  /** no connection, or it broke */
  | "UNREACHABLE"
  | "TIMEOUT"
  /** the server wants other credentials */
  | "UNAUTHORIZED"
  /** the server is overloaded or failed */
  | "UNAVAILABLE"
  /** the server will never take this batch */
  | "REFUSED"
  /** a file with a secret is there and cannot be read */
  | "SECRET_UNREADABLE";

/** Why a batch was not taken. `message` tells neither samples nor secrets nor the server's own words. */
export class SinkError extends Error {
  override readonly name = "SinkError";
  readonly code: SinkErrorCode;
  readonly retryable: boolean;
  constructor(code: SinkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code !== "REFUSED";
  }
}

/** One connection to one server. Connects and reads its secrets at its first `send`. */
export interface Sink<T extends Target = Target> {
  /** The most deliveries a batch that this sink takes as one; undefined: any number. */
  readonly maxBatch?: number;
  /**
   * Delivers all of the batch or none; ends soon after `signal` aborts. Never called twice at the same time.
   *
   * @throws {SinkError} after a retryable one the sink is closed, and another is opened for the next attempt
   */
  send(batch: readonly Delivery<T>[], signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Credentials, by the server that they are for. */
export interface Secrets {
  /**
   * @param name `token`, `username` or `password`; of servers with TLS `ca`, `cert` or `key`, in PEM
   * @returns undefined when there is none
   * @throws {SinkError} SECRET_UNREADABLE
   */
  read(kind: TargetKind, endpoint: Endpoint, name: string): Promise<string | undefined>;
}

/** What is counted, in samples unless it says otherwise. Names are API. */
export const PUSH_COUNTER_NAMES = [
  "offered",
  "sent",
  /** attempts to send that failed and are made again */
  "failedSends",
  /** the oldest, which found no more room while their server did not take them; what waited at the close */
  "dropped",
  /** their server will never take them */
  "refused",
  /** more connections than allowed, or a kind that this mapper cannot push to */
  "unconnected",
  /** their device was removed */
  "forgotten",
] as const;

export type PushCounterName = (typeof PUSH_COUNTER_NAMES)[number];

/** Pushes samples to applications and databases; nothing of it passes through the edge or the cloud. */
export interface DataPlane {
  /** Takes a sample for each target. Never waits and never throws. */
  offer(targets: readonly Target[], sample: Sample): void;
  /** Discards what waits of a device that was removed, and closes the connections that it alone used. */
  forget(device: { readonly namespace: string; readonly name: string }): void;
  /** Tries at once, whatever pause runs. Resolves when all is sent or the time is over: whether it is. */
  flush(timeoutMs: number): Promise<boolean>;
  counters(): Readonly<Record<PushCounterName, number>>;
  /** Closes every connection; what still waits is dropped. */
  close(): void;
}
