// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import { DeliveryError } from "../../delivery/errors.ts";
import type { Mailbox, Owner } from "../../delivery/mailbox.ts";
import type { HubClock } from "../clock.ts";
import type { Limiter } from "../limiter.ts";
import type { HubMetrics } from "../metrics.ts";
import type { HubOptions } from "../options.ts";
import type { SessionLog } from "../uplink/port.ts";
import type { CatalogEntry } from "./catalog.ts";
import type { Encoded } from "./encoded.ts";
import type { OrderReports } from "./order/reports.ts";
import type { ObjectReader } from "./reader.ts";
import type { Slot } from "./window.ts";

/** What a pump needs of the hub; one for all sessions. */
export interface PumpDeps {
  readonly mailbox: Pick<Mailbox, "take" | "ack">;
  readonly reader: ObjectReader;
  readonly catalog: ReadonlyMap<string, CatalogEntry>;
  readonly takes: Limiter;
  readonly reports: OrderReports;
  readonly newId: () => string;
  readonly clock: HubClock;
  readonly metrics: HubMetrics;
  readonly options: HubOptions;
  readonly random: () => number;
}

/** What a pump needs of its session. */
export interface PumpHost {
  readonly node: string;
  readonly negotiated: boolean;
  readonly log: SessionLog;
  readonly open: boolean;
  /** Holder of the fence; nothing is taken without it. */
  readonly owner: Owner | undefined;
  /** The socket takes more now. */
  writable(): boolean;
  /** Frames and sends; resolves what really went out into the slot. */
  transmit(slot: Slot, what: Encoded | undefined): { msgId: string; bytes: number };
  /** Sends a frame that nobody acknowledges. @param kind for the metrics */
  write(frame: Frame, kind: string): void;
  /** Somebody else holds the session. */
  lost(): void;
  /** The Node object was deleted. */
  nodeDeleted(): void;
  /** Everything wanted is durable at the edge and the placement is fresh. Called once. */
  complete(): void;
}

/** Pauses between calls of a mailbox that does not answer. */
export const MAILBOX_RETRY = { baseMs: 250, capMs: 5_000 };

/** Ends the session when the mailbox says that another holds it. @returns whether it did */
export function endIfLost(host: Pick<PumpHost, "lost">, error: unknown): boolean {
  if (!(error instanceof DeliveryError) || error.code !== "NOT_OWNER") return false;
  host.lost();
  return true;
}
