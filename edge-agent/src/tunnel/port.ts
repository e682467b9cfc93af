// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";

/** A message to the cloud. */
export interface UplinkRequest {
  /** `insert`, `update`, `patch`, `query`, `delete` */
  readonly operation: string;
  /** `<namespace|null>/<type>/<name>` */
  readonly resource: string;
  readonly content: unknown;
  /** default `edged` */
  readonly source?: string;
  /** default `meta` */
  readonly group?: string;
}

/** What the rest of the agent sees of the connection to the cloud. */
export interface Uplink {
  /** True from the moment that a session is established (after the hello reply, where there is one). */
  isConnected(): boolean;
  /** True while the session's hub takes reports of many devices in one frame; absent: never. */
  takesDeviceBatches?(): boolean;
  /**
   * Sends a request and resolves to the reply frame (matched by parent id). A typed refusal of our protocol comes
   * as a frame with operation `error` and the content `<code>: <message>`, like a plain one.
   *
   * @throws {TunnelError} OFFLINE at once when not connected or when the connection drops; TIMEOUT
   */
  request(request: UplinkRequest, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<Frame>;
  /** Sends without waiting for a reply. @throws {TunnelError} OFFLINE */
  send(request: UplinkRequest): void;
  /** Called on every connect and disconnect. Returns the unsubscriber. */
  onState(listener: (connected: boolean) => void): () => void;
}

/** OFFLINE: no session. TIMEOUT: no reply. CLOSED: given up here. PROTOCOL: the peer broke the rules. REFUSED: too much waits. */
export type TunnelErrorCode = "OFFLINE" | "TIMEOUT" | "CLOSED" | "PROTOCOL" | "REFUSED";

/** Why a message was not delivered or not answered. */
export class TunnelError extends Error {
  override readonly name = "TunnelError";
  readonly code: TunnelErrorCode;
  readonly retryable: boolean;
  constructor(code: TunnelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code !== "PROTOCOL";
  }
}
