// SPDX-License-Identifier: Apache-2.0
import type { Outbox } from "../delivery/outbox.ts";
import { addPlacementController, type PlacementTuning, type Trimmed } from "../placement/index.ts";
import {
  createExponentialLimiter,
  enqueueMapped,
  enqueueSelf,
  newController,
  onUpdate,
  type KubeObject,
  type Manager,
  type Request,
} from "../runtime/index.ts";
import { createDeviceCaches, selections } from "./caches.ts";
import { devicePlacement } from "./placement.ts";
import { createDeviceReconciler } from "./reconciler.ts";

export interface DeviceDeps extends PlacementTuning {
  readonly outbox: Outbox;
}

/**
 * Keeps in each edge node's mailbox which devices and models it must hold, one DeviceStatus beside each Device, and
 * the condition ModelResolved. Nodes that are gone are forgotten by the workload controller. The caller runs the
 * delivery whose outbox this is, on the leader.
 */
export function setupDeviceController(manager: Manager, deps: DeviceDeps): void {
  const { outbox, ...tuning } = deps;
  const { informers, caches } = createDeviceCaches(manager.cache);
  const { device, devicemodel, devicestatus } = selections;
  addPlacementController(manager, {
    ...tuning,
    outbox,
    placement: devicePlacement,
    caches,
    watchAll(watch) {
      watch("devicemodel", devicemodel);
      watch("device", device);
    },
    forgets: false,
  });
  const devicesOf = ({ metadata }: Trimmed): Iterable<Request> =>
    caches
      .devicesOf(metadata.namespace ?? "", metadata.name)
      .map(({ metadata: { namespace = "", name } }) => ({ namespace, name }));
  newController(manager)
    .named("devicestatus")
    .watches(device.resource, enqueueSelf, device)
    .watches(devicemodel.resource, enqueueMapped(devicesOf), {
      ...devicemodel,
      // An edited model exists as before.
      predicates: [onUpdate(() => false)],
    })
    .watches(devicestatus.resource, enqueueSelf, {
      ...devicestatus,
      predicates: [onUpdate(hasNewOwner)],
    })
    .withSettings({
      maxConcurrentReconciles: 4,
      limiter: createExponentialLimiter({ baseMs: 200, capMs: 60_000, jitter: 0.5 }),
    })
    .complete(
      createDeviceReconciler({
        client: manager.client,
        clock: manager.clock,
        informers,
        recorder: manager.recorder("longshore-device"),
      }),
    );
}

const hasNewOwner = (old: KubeObject, now: KubeObject): boolean =>
  JSON.stringify(old.metadata.ownerReferences) !== JSON.stringify(now.metadata.ownerReferences);
