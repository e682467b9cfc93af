// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import type { Client } from "../../../runtime/client.ts";
import type { NodeEndpoint, UplinkResource, UplinkSession } from "../port.ts";

/** One upstream frame on its way through a handler. */
export interface UplinkRequest {
  readonly frame: Frame;
  readonly resource: UplinkResource;
  readonly session: UplinkSession;
}

export interface UplinkTools {
  /** What Nodes advertise; undefined when no streams are served. */
  readonly nodeEndpoint: NodeEndpoint | undefined;
  readonly client: Client;
  readonly clock: { nowMs(): number; wallMs(): number };
  /** Calls the API server with bounded retry, and not at all once the session has ended. */
  write<T>(session: UplinkSession, call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Counts and logs input of an edge that is left out although the rest of its frame is used. */
  drop(session: UplinkSession, reason: string): void;
}

/** For writes of what an edge sent: its release may know fields that the API server does not, and those are left out. */
export const LENIENT = { fieldValidation: "Ignore" } as const;

/** What a handled request is answered with. */
export interface Answer {
  readonly content: unknown;
  readonly resourceVersion?: string;
  /** Runs after the reply was sent. */
  readonly after?: () => void | Promise<void>;
}

/** How one operation on one resource type is done. */
export interface Action {
  /**
   * How a failure is told: `status` as ObjectResp with a full Status, `text` as operation `error` with plain
   * text, `none` not at all, as the edge waits for nothing or repeats by itself; `final` is `text`, but `none`
   * for what passes where the edge is a KubeEdge's.
   */
  readonly failure: "status" | "text" | "none" | "final";
  /** A newer frame for the same object replaces one that waits, when the edge sends whole states. */
  readonly isWholeState?: boolean;
  /** Where answers say that they come from, when it is not the usual. */
  readonly reply?: { readonly source: string; readonly group: string; readonly resource: string };
  /** @returns undefined when the operation has no reply */
  run(request: UplinkRequest, tools: UplinkTools): Promise<Answer | undefined>;
}

/** The operations of some resource types. */
export interface Actions {
  readonly types: readonly string[];
  readonly operations: Readonly<Record<string, Action>>;
}
