// SPDX-License-Identifier: Apache-2.0
import {
  DONE,
  TerminalError,
  apiVersionOf,
  isConflict,
  isInvalid,
  isNotFound,
  keyOf,
  type Client,
  type Clock,
  type Condition,
  type EventRecorder,
  type KubeObject,
  type ObjectName,
  type Result,
} from "../runtime/index.ts";
import { EDGE_NODES } from "../placement/index.ts";
import { selections, type Informers } from "./caches.ts";
import { planConditions, type ConditionPlan, type NodeFact } from "./conditions.ts";
import { patienceOf, readDelivery, type DeliveryDeps, type PatienceOptions } from "./delivery.ts";
import type { TrimmedDevice } from "./transform.ts";

export const FIELD_MANAGER = "longshore-device";

export interface TellerDeps extends DeliveryDeps, PatienceOptions {
  readonly client: Pick<Client, "get" | "apply">;
  readonly clock: Pick<Clock, "nowMs" | "wallMs">;
  readonly informers: Pick<Informers, "devicemodel">;
  readonly isEdgeNode: (name: string) => boolean;
  readonly recorder: EventRecorder;
}

/** Keeps the conditions of devices. */
export interface Teller {
  tell(device: TrimmedDevice): Promise<Result>;
  /** There is no device of this name any more. */
  forget(name: ObjectName): void;
}

const DEVICE = selections.device.resource;

export function createTeller(deps: TellerDeps): Teller {
  /** Since when a device is waited for as it is. Lost with the process: then it is waited for once more. */
  const waits = new Map<string, { readonly what: string; readonly sinceMs: number }>();
  const keyFor = ({ namespace = "", name }: ObjectName): string => keyOf({ namespace, name });

  function waitedMs(key: string, { digest, nodeName }: TrimmedDevice): number {
    const what = `${digest} ${nodeName}`;
    const nowMs = deps.clock.nowMs();
    const wait = waits.get(key);
    if (wait?.what === what) return nowMs - wait.sinceMs;
    waits.set(key, { what, sinceMs: nowMs });
    return 0;
  }

  return {
    forget: (name) => void waits.delete(keyFor(name)),
    async tell(device) {
      if (device.metadata.deletionTimestamp !== undefined) return DONE;
      const key = keyFor(device.metadata);
      const node = await nodeFact(deps, device.nodeName);
      const delivery = await readDelivery(deps, device, node);
      const patience = patienceOf(delivery, node, { ...deps, waitedMs: waitedMs(key, device) });
      if (patience.lookAgainMs === undefined) waits.delete(key);
      if (!patience.isEarly) await write(deps, device, { node, delivery });
      return patience.lookAgainMs === undefined ? DONE : { requeueAfterMs: patience.lookAgainMs };
    },
  };
}

const NODE_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Nodes that are not ours are in no cache; a device that names one is a mistake, and rare. */
async function nodeFact({ client, isEdgeNode }: TellerDeps, name: string): Promise<NodeFact> {
  if (name === "") return "none";
  if (isEdgeNode(name)) return "edge";
  if (!NODE_NAME.test(name)) return "missing";
  try {
    await client.get(EDGE_NODES.resource, { name });
    return "notEdge";
  } catch (error) {
    if (isNotFound(error)) return "missing";
    throw error;
  }
}

async function write(
  deps: TellerDeps,
  device: TrimmedDevice,
  seen: Pick<Parameters<typeof planConditions>[1], "node" | "delivery">,
): Promise<void> {
  const { namespace = "" } = device.metadata;
  const model = deps.informers.devicemodel.get({ namespace, name: device.modelName });
  const plan = planConditions(device, { model, ...seen }, secondsOf(deps.clock.wallMs()));
  if (plan === undefined) return;
  if (!(await apply(deps.client, device, plan))) return;
  for (const fault of plan.news) tellFault(deps.recorder, device, fault);
}

/** @returns false when the device has changed meanwhile: the newer one is on its way here, and is told about then */
async function apply(
  client: TellerDeps["client"],
  device: TrimmedDevice,
  { conditions }: ConditionPlan,
): Promise<boolean> {
  const { name, namespace = "", uid, resourceVersion } = device.metadata;
  try {
    await client.apply(
      DEVICE,
      { metadata: { name, namespace, uid, resourceVersion }, status: { conditions } },
      { fieldManager: FIELD_MANAGER },
    );
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    // The whole device is judged again at each write: one that is not valid by itself is not to be tried for ever.
    if (isInvalid(error)) throw new TerminalError("the device cannot be written as it is", { cause: error });
    throw error;
  }
}

function tellFault(
  recorder: EventRecorder,
  device: TrimmedDevice,
  { type, status, reason, message }: Condition,
): void {
  if (type !== "Accepted" || status === "True") return;
  recorder.event(asRegarded(device), {
    ...{ type: "Warning", reason, action: "AcceptDevice", note: message },
  });
}

/** Items of a list lack both, and an event needs them. */
export const asRegarded = (device: TrimmedDevice): KubeObject => ({
  ...device,
  apiVersion: apiVersionOf(DEVICE),
  kind: DEVICE.kind,
});

/** RFC 3339, whole seconds */
const secondsOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
