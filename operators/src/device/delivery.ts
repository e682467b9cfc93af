// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../delivery/errors.ts";
import type { NodeStanding, Outbox } from "../delivery/outbox.ts";
import type { Delivery, NodeFact } from "./conditions.ts";
import type { TrimmedDevice } from "./transform.ts";

export interface DeliveryDeps {
  readonly outbox: Pick<Outbox, "standing">;
  /** Waits until its former node has let go of it. */
  readonly isHeld: (device: TrimmedDevice) => boolean;
}

/** @returns undefined while Redis is away */
export async function readDelivery(
  { outbox, isHeld }: DeliveryDeps,
  device: TrimmedDevice,
  node: NodeFact,
): Promise<Delivery | undefined> {
  if (node !== "edge") return { reason: "Pending", message: "it is on no edge node" };
  const { namespace = "", name, uid } = device.metadata;
  try {
    const object = { kind: "device", namespace, name, uid };
    const standing = await outbox.standing(device.nodeName, "device", [object]);
    return judgeStanding(device, standing, isHeld(device));
  } catch (error) {
    if (error instanceof DeliveryError && error.retryable) return undefined;
    throw error;
  }
}

/** What a device's standing at its node comes to. */
export function judgeStanding(device: TrimmedDevice, standing: NodeStanding, isHeld: boolean): Delivery {
  const { nodeName } = device;
  if (isAcknowledged(device, standing)) return { reason: "Acknowledged", message: `${nodeName} has it` };
  if (isHeld) return { reason: "Pending", message: "the node that it was on has not let go of it yet" };
  if (!standing.isConnected)
    return { reason: "NodeOffline", message: `${nodeName} gets it when it is connected again` };
  return { reason: "Pending", message: `${nodeName} has not confirmed it yet` };
}

function isAcknowledged({ metadata, digest }: TrimmedDevice, { objects }: NodeStanding): boolean {
  const [object] = objects;
  if (object?.acked === undefined || object.isPending || object.acked.uid !== metadata.uid) return false;
  const { acked } = object;
  return acked.digest === "" ? acked.resourceVersion === metadata.resourceVersion : acked.digest === digest;
}

/** When to write what is waited for, and when to look again. */
export interface Patience {
  /** What is pending may be acknowledged in a moment: both are told in one write then. */
  readonly isEarly: boolean;
  /** undefined: not before something changes */
  readonly lookAgainMs: number | undefined;
}

export interface PatienceOptions {
  /** How long a write waits for the node's answer. */
  readonly settleMs: number;
  /** How often a node that is away, or does not answer, is asked for at most. */
  readonly pollMs: number;
}

const FIRST_POLL_MS = 50;

/** @param waitedMs since the device was first seen as it is */
export function patienceOf(
  delivery: Delivery | undefined,
  node: NodeFact,
  { waitedMs, settleMs, pollMs }: PatienceOptions & { readonly waitedMs: number },
): Patience {
  if (delivery === undefined) return { isEarly: false, lookAgainMs: pollMs };
  if (delivery.reason === "Acknowledged" || node !== "edge")
    return { isEarly: false, lookAgainMs: undefined };
  if (delivery.reason === "NodeOffline") return { isEarly: false, lookAgainMs: pollMs };
  const nextMs = Math.min(FIRST_POLL_MS + waitedMs / 2, pollMs);
  const isEarly = waitedMs < settleMs;
  return { isEarly, lookAgainMs: isEarly ? Math.min(nextMs, settleMs - waitedMs) : nextMs };
}
