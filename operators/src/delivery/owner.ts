// SPDX-License-Identifier: Apache-2.0
import type { Owner } from "./mailbox.ts";

/** How an owner stands in Redis: `hub connection epoch`. Compared as a whole. */
export const formatOwner = (owner: Owner): string => `${owner.hub} ${owner.connection} ${owner.sessionEpoch}`;

/** Undefined for an empty or strange value. */
export function parseOwner(text: string): Owner | undefined {
  const [hub, connection, epoch] = text.split(" ");
  if (!hub || !connection || epoch === undefined) return undefined;
  return { hub, connection, sessionEpoch: Number(epoch) };
}

const HUB_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/** @throws {RangeError} when the id could not be part of a queue's name and of an owner */
export function checkHubId(hub: string): string {
  if (!HUB_ID.test(hub))
    throw new RangeError(`a hub id is 1 to 253 letters, digits, ".", "_" or "-": ${JSON.stringify(hub)}`);
  return hub;
}
