// SPDX-License-Identifier: Apache-2.0
import {
  DONE,
  isConflict,
  isNotFound,
  withController,
  type Client,
  type EventRecorder,
  type KubeObject,
  type ObjectName,
  type Reconciler,
} from "../runtime/index.ts";
import { selections, type Informers } from "./caches.ts";
import { deviceBehind, planStatus, type StatusAction } from "./desired.ts";
import { asRegarded, FIELD_MANAGER, type Teller } from "./teller.ts";
import type { TrimmedDevice } from "./transform.ts";

export interface ReconcilerDeps {
  readonly client: Client;
  readonly informers: Pick<Informers, "device" | "devicestatus">;
  readonly recorder: EventRecorder;
  readonly teller: Teller;
}

const DEVICE = selections.device.resource;
const DEVICE_STATUS = selections.devicestatus.resource;

/** Keeps one DeviceStatus beside each Device and none without, and the conditions of the Device. */
export function createDeviceReconciler(deps: ReconcilerDeps): Reconciler {
  return async (request) => {
    const device = deps.informers.device.get(request);
    const status = deps.informers.devicestatus.get(request);
    if (device === undefined) {
      deps.teller.forget(request);
      await dropStatus(deps, request, status);
      return DONE;
    }
    await keepStatus(deps, device, planStatus(device, status));
    return deps.teller.tell(device);
  };
}

/** The garbage collector does it too, but takes seconds, and longer when it has not met our kinds yet. */
async function dropStatus(
  { client }: ReconcilerDeps,
  name: ObjectName,
  status: KubeObject | undefined,
): Promise<void> {
  const owner = deviceBehind(status);
  if (status === undefined || owner === undefined) return;
  if (await isGone(client, name, owner.uid)) await deleteStatus(client, name, status.metadata.uid);
}

/**
 * Asked of the API server itself: the watch of devices may be behind that of their statuses, and what a device
 * reported is not to be lost for that.
 */
async function isGone(client: Client, name: ObjectName, uid: string): Promise<boolean> {
  try {
    const { metadata } = await client.get(DEVICE, name);
    return metadata.uid !== uid;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

/** One that is gone, or another of its name, is not meant. */
async function deleteStatus(client: Client, name: ObjectName, uid: string): Promise<void> {
  try {
    await client.delete(DEVICE_STATUS, name, { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

async function keepStatus(deps: ReconcilerDeps, device: TrimmedDevice, action: StatusAction): Promise<void> {
  const { client } = deps;
  const name = nameOf(device);
  switch (action.do) {
    case "nothing":
      return;
    case "replace":
      // Else it is we who know of an older device: the newer one is on its way here.
      if (!(await isGone(client, name, action.ownerUid))) return;
      await deleteStatus(client, name, action.uid);
      await applyStatus(client, device);
      return;
    case "create":
    case "adopt":
      await applyStatus(client, device);
      return;
    case "leave":
      deps.recorder.event(asRegarded(device), {
        ...{ type: "Warning", reason: "DeviceStatusTaken", action: "CreateDeviceStatus" },
        note: `the DeviceStatus of this name is controlled by ${action.rival}`,
      });
  }
}

/** Only what is ours: what devices report is written by hubs, and stays. */
async function applyStatus(client: Client, device: TrimmedDevice): Promise<void> {
  const name = nameOf(device);
  const ownerReferences = withController({
    owner: device,
    ownerResource: DEVICE,
    object: name,
    blockOwnerDeletion: false,
  });
  await client.apply(
    DEVICE_STATUS,
    { metadata: { ...name, ownerReferences }, spec: {} },
    { fieldManager: FIELD_MANAGER },
  );
}

const nameOf = ({ metadata }: TrimmedDevice): ObjectName => ({
  name: metadata.name,
  ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
});
