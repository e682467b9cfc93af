// SPDX-License-Identifier: Apache-2.0

/** RATE and LATER pass by themselves; the rest stays so. */
export type RefusalReason =
  "BAD" | "FORBIDDEN" | "NOT_FOUND" | "STALE_UID" | "UNSUPPORTED" | "RATE" | "LATER";

/** The hub does not do what a frame asks. Its message goes to the edge: no names of other nodes' objects in it. */
export class UplinkRefusal extends Error {
  override readonly name = "UplinkRefusal";
  readonly reason: RefusalReason;
  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export const bad = (message: string): UplinkRefusal => new UplinkRefusal("BAD", message);
export const forbidden = (message = "not granted to this node"): UplinkRefusal =>
  new UplinkRefusal("FORBIDDEN", message);
