// SPDX-License-Identifier: Apache-2.0
import {
  apiVersionOf,
  DONE,
  isConflict,
  isInvalid,
  isNotFound,
  TerminalError,
  withController,
  type Client,
  type Clock,
  type EventRecorder,
  type KubeObject,
  type ObjectName,
  type Reconciler,
} from "../runtime/index.ts";
import { selections, type Informers } from "./caches.ts";
import { planModelCondition, planStatus, type StatusAction } from "./desired.ts";
import type { TrimmedDevice } from "./transform.ts";

export const FIELD_MANAGER = "longshore-device";

export interface ReconcilerDeps {
  readonly client: Client;
  readonly clock: Pick<Clock, "wallMs">;
  readonly informers: Informers;
  readonly recorder: EventRecorder;
}

const DEVICE = selections.device.resource;
const DEVICE_STATUS = selections.devicestatus.resource;

/** Keeps one DeviceStatus beside each Device, and says on the Device whether its model exists. */
export function createDeviceReconciler(deps: ReconcilerDeps): Reconciler {
  return async (request) => {
    const device = deps.informers.device.get(request);
    // The DeviceStatus of a device that is gone is the garbage collector's.
    if (device === undefined) return DONE;
    await keepStatus(deps, device, planStatus(device, deps.informers.devicestatus.get(request)));
    await tellModel(deps, device);
    return DONE;
  };
}

async function keepStatus(deps: ReconcilerDeps, device: TrimmedDevice, action: StatusAction): Promise<void> {
  const { client } = deps;
  const name = nameOf(device);
  switch (action.do) {
    case "nothing":
      return;
    case "replace":
      await client
        .delete(DEVICE_STATUS, name, { preconditions: { uid: action.uid } })
        .catch((error: unknown) => {
          if (!isNotFound(error) && !isConflict(error)) throw error;
        });
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

async function tellModel(deps: ReconcilerDeps, device: TrimmedDevice): Promise<void> {
  const { client, clock, informers, recorder } = deps;
  if (device.metadata.deletionTimestamp !== undefined) return;
  const { namespace = "", uid, resourceVersion } = device.metadata;
  const hasModel = informers.devicemodel.get({ namespace, name: device.modelName }) !== undefined;
  const condition = planModelCondition(device, hasModel, secondsOf(clock.wallMs()));
  if (condition === undefined) return;
  try {
    await client.apply(
      DEVICE,
      { metadata: { ...nameOf(device), uid, resourceVersion }, status: { conditions: [condition] } },
      { fieldManager: FIELD_MANAGER },
    );
  } catch (error) {
    // The whole device is judged again at each write: one that is not valid by itself is not to be tried for ever.
    if (isInvalid(error)) throw new TerminalError("the device cannot be written as it is", { cause: error });
    throw error;
  }
  if (!hasModel) {
    recorder.event(asRegarded(device), {
      ...{ type: "Warning", reason: condition.reason, action: "ResolveModel" },
      note: condition.message,
    });
  }
}

/** Items of a list lack both, and an event needs them. */
const asRegarded = (device: TrimmedDevice): KubeObject => ({
  ...device,
  apiVersion: apiVersionOf(DEVICE),
  kind: DEVICE.kind,
});

const nameOf = ({ metadata }: TrimmedDevice): ObjectName => ({
  name: metadata.name,
  ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
});

/** RFC 3339, whole seconds */
const secondsOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
