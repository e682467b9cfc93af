// SPDX-License-Identifier: Apache-2.0
import type { Outbox } from "../delivery/outbox.ts";
import {
  addPlacementController,
  EDGE_NODES,
  type PlacementTuning,
  type Trimmed,
} from "../placement/index.ts";
import {
  createChannel,
  createExponentialLimiter,
  enqueueMapped,
  enqueueSelf,
  LOW_PRIORITY,
  newController,
  onUpdate,
  type KubeObject,
  type Manager,
  type Request,
} from "../runtime/index.ts";
import { createDeviceCaches, selections } from "./caches.ts";
import { createMover } from "./mover.ts";
import { createMoves, type Moves } from "./moves.ts";
import { devicePlacement, type DeviceCaches } from "./placement.ts";
import { createDeviceReconciler } from "./reconciler.ts";
import { restingOutbox } from "./resting.ts";
import { createTeller } from "./teller.ts";
import type { TrimmedDevice } from "./transform.ts";

export interface DeviceDeps extends PlacementTuning {
  readonly outbox: Outbox;
  /** default 10 s: how long a device waits for its old node to let go of it; 0: not at all */
  readonly moveHoldMs?: number;
  /** default 2 s: how long the conditions of a device wait for its node's answer, to be one write with it */
  readonly settleMs?: number;
  /** default 30 s: how often a node that is away, or does not answer, is asked for */
  readonly pollMs?: number;
}

const DEFAULTS = { moveHoldMs: 10_000, settleMs: 2000, pollMs: 30_000 } as const;

/**
 * Keeps in each edge node's mailbox which devices and models it must hold, one DeviceStatus beside each Device, and
 * the conditions of the Device. Nodes that are gone are forgotten by the workload controller. The caller runs the
 * delivery whose outbox this is, on the leader.
 */
export function setupDeviceController(manager: Manager, deps: DeviceDeps): void {
  const { outbox, ...tuning } = deps;
  const { informers, caches: found } = createDeviceCaches(manager.cache);
  const left = createChannel("devices that left a node");
  const moves = createMoves({
    holdMs: deps.moveHoldMs ?? DEFAULTS.moveHoldMs,
    nowMs: () => manager.clock.nowMs(),
    isEdgeNode: found.hasNode,
    begun: ({ metadata }) => left.enqueue(requestOf(metadata)),
  });
  const caches: DeviceCaches = { ...found, isHeld: (device) => moves.isHeld(device) };
  // Before any controller hears of the event, and computes where the device goes.
  informers.device.addHandler((event) => moves.note(event));
  const { device, devicemodel } = selections;
  const { requests } = addPlacementController(manager, {
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
  const place = (name: Request): void => {
    const node = informers.device.get(name)?.nodeName ?? "";
    if (node !== "") requests.enqueue({ namespace: "", name: node });
  };
  const standings = restingOutbox(outbox, { nowMs: () => manager.clock.nowMs() });
  addMover(manager, { outbox: standings, moves, left, place, isEdgeNode: found.hasNode });
  addKeeper(manager, { ...deps, standings, moves, caches, informers });
}

interface MoverParts extends Omit<Parameters<typeof createMover>[0], "nowMs" | "registry"> {
  readonly left: ReturnType<typeof createChannel>;
}

/** A controller of its own: a device that waits must not wait behind writes to the API server, too. */
function addMover(manager: Manager, { left, ...parts }: MoverParts): void {
  const { registry, clock } = manager;
  newController(manager)
    .named("device-moves")
    .watchesRaw(left)
    .withSettings({
      maxConcurrentReconciles: 16,
      limiter: createExponentialLimiter({ baseMs: 50, capMs: 1000, jitter: 0.5 }),
    })
    .complete(createMover({ ...parts, registry, nowMs: () => clock.nowMs() }));
}

interface KeeperParts extends DeviceDeps {
  readonly standings: Pick<Outbox, "standing">;
  readonly moves: Moves;
  readonly caches: DeviceCaches;
  readonly informers: ReturnType<typeof createDeviceCaches>["informers"];
}

/** Keeps what stands in the API: one DeviceStatus a device, and its conditions. */
function addKeeper(
  manager: Manager,
  { outbox, standings, moves, caches, informers, ...options }: KeeperParts,
): void {
  const { client, clock } = manager;
  const { device, devicemodel, devicestatus } = selections;
  const recorder = manager.recorder("longshore-device");
  const isEdgeNode = (name: string): boolean => caches.hasNode(name);
  const isHeld = (held: TrimmedDevice): boolean => moves.isHeld(held);
  const { settleMs = DEFAULTS.settleMs, pollMs = DEFAULTS.pollMs } = options;
  const teller = createTeller({
    ...{ client, clock, informers, recorder, outbox: standings, isEdgeNode, isHeld, settleMs, pollMs },
  });
  const doubted = createChannel("devices of nodes whose record is in doubt");
  // A node that begins anew has nothing of what it had confirmed.
  outbox.onPlacementRequest((node) => {
    if (node === undefined) return;
    for (const { metadata } of caches.devicesOn(node))
      doubted.enqueue({ ...requestOf(metadata), priority: LOW_PRIORITY, afterMs: settleMs });
  });
  newController(manager)
    .named("devicestatus")
    .watches(device.resource, enqueueSelf, device)
    .watches(devicemodel.resource, enqueueMapped(devicesOfModel(caches)), {
      ...devicemodel,
      predicates: [onUpdate((old, now) => old.digest !== now.digest)],
    })
    .watches(EDGE_NODES.resource, enqueueMapped(devicesOfNode(caches)), {
      ...EDGE_NODES,
      predicates: [onUpdate(() => false)],
    })
    .watches(devicestatus.resource, enqueueSelf, { ...devicestatus, predicates: [onUpdate(hasNewOwner)] })
    .watchesRaw(doubted)
    .withSettings({
      maxConcurrentReconciles: 4,
      limiter: createExponentialLimiter({ baseMs: 200, capMs: 60_000, jitter: 0.5 }),
    })
    .complete(createDeviceReconciler({ client, informers, recorder, teller }));
}

const requestOf = ({ namespace = "", name }: KubeObject["metadata"]): Request => ({ namespace, name });

const devicesOfModel =
  (caches: DeviceCaches) =>
  ({ metadata }: Trimmed): Iterable<Request> =>
    caches.devicesOf(metadata.namespace ?? "", metadata.name).map((device) => requestOf(device.metadata));

const devicesOfNode =
  (caches: DeviceCaches) =>
  ({ metadata }: Trimmed): Iterable<Request> =>
    caches.devicesOn(metadata.name).map((device) => requestOf(device.metadata));

const hasNewOwner = (old: KubeObject, now: KubeObject): boolean =>
  JSON.stringify(old.metadata.ownerReferences) !== JSON.stringify(now.metadata.ownerReferences);
