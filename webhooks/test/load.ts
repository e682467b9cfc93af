// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import type { KubeClient, Resource } from "@longshore/operators/runtime";
import { setTimeout as sleep } from "node:timers/promises";

const job = (annotations: object = {}) => ({
  ...{ apiVersion: "operations.kubeedge.io/v1alpha2", kind: "NodeUpgradeJob" },
  metadata: { name: "load", annotations },
  spec: { version: "v1.23.0", nodeNames: ["n"], image: `a/b@sha256:${"a".repeat(64)}` },
});
const twice = [{ name: "temperature" }, { name: "temperature" }];

/** What is created, over and over: a good one, and two that webhooks alone refuse, saying so. */
const OBJECTS: readonly { readonly resource: Resource; readonly object: object; readonly says?: string }[] = [
  { resource: kinds.NodeUpgradeJob, object: job() },
  { resource: kinds.NodeUpgradeJob, object: job({ "longshore.io/attempt": "many" }), says: "give a number" },
  {
    resource: kinds.Device,
    object: {
      ...{ apiVersion: "devices.kubeedge.io/v1beta1", kind: "Device" },
      metadata: { name: "load", namespace: "default" },
      spec: { deviceModelRef: { name: "absent" }, properties: twice },
    },
    says: "property names must be unique",
  },
];

export interface Tally {
  readonly calls: number;
  /** Refused although webhooks had not judged them: `failurePolicy: Fail`. */
  readonly failures: readonly string[];
  /** Bad ones of this kind that were taken: nobody judged them. */
  readonly taken: Readonly<Record<string, number>>;
}

/** Calls that no webhook judged, whatever became of them. */
export const unjudged = ({ failures, taken }: Tally): number => failures.length + (taken["Device"] ?? 0);

/** Dry runs of several clients at once, from before `fault` begins until it has ended. */
export async function underLoad(
  client: KubeClient,
  clients: number,
  fault: () => Promise<unknown>,
): Promise<Tally> {
  const tally = { calls: 0, failures: [] as string[], taken: {} as Record<string, number> };
  let isOver = false;
  const one = async ({ resource, object, says }: (typeof OBJECTS)[number]): Promise<void> => {
    try {
      await client.create(resource, object, { dryRun: true });
      if (says !== undefined) tally.taken[resource.kind] = (tally.taken[resource.kind] ?? 0) + 1;
    } catch (error) {
      if (says === undefined || !String(error).includes(says)) tally.failures.push(String(error));
    }
    tally.calls++;
  };
  const run = async (): Promise<void> => {
    while (!isOver) for (const call of OBJECTS) await one(call);
  };
  const running = Array.from({ length: clients }, run);
  try {
    while (tally.calls < 3 * clients) await sleep(10);
    await fault();
  } finally {
    isOver = true;
    await Promise.all(running);
  }
  return tally;
}
