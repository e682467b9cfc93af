// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import type { Want } from "../../delivery/mailbox.ts";

export interface MembershipFacts {
  /** Of the frame that it goes with: `insert`, `update` or `delete`. */
  readonly operation: string;
  readonly newId: () => string;
  readonly timestampMs: number;
}

interface Member {
  readonly id: string;
  readonly name: string;
}

/**
 * What EdgeCore must hear right before a device comes or goes: its twins take reports of members only. It is not
 * acknowledged, and may be repeated.
 *
 * @returns undefined when the frame changes no membership
 */
export function membershipFor(
  { kind, namespace, name }: Pick<Want, "kind" | "namespace" | "name">,
  { operation, newId, timestampMs }: MembershipFacts,
): Frame | undefined {
  if (kind !== "device" || operation === "update") return undefined;
  const members: readonly Member[] = [{ id: `${namespace}/${name}`, name }];
  const isGoing = operation === "delete";
  return {
    header: { msg_id: newId(), timestamp: timestampMs },
    route: { source: "devicecontroller", group: "twin", operation: "update", resource: "membership" },
    content: {
      event_id: newId(),
      timestamp: timestampMs,
      added_devices: isGoing ? null : members,
      removed_devices: isGoing ? members : null,
    },
  };
}
