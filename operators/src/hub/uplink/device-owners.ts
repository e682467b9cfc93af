// SPDX-License-Identifier: Apache-2.0
import { createCache, type CacheDeps } from "../../runtime/cache/cache.ts";
import type { ReflectorObserver } from "../../runtime/cache/cache-metrics.ts";
import type { KubeObject } from "../../runtime/client.ts";
import type { Clock } from "../../runtime/clock.ts";
import { DEVICES } from "./kinds.ts";

/** A Device, as far as reports of it depend on that. */
export interface OwnedDevice extends KubeObject {
  readonly nodeName: string;
  readonly protocol: string;
}

/** Where devices are, without a call. */
export interface DeviceOwners {
  /** undefined when it is not known, or not yet */
  find(name: { readonly namespace: string; readonly name: string }): OwnedDevice | undefined;
}

interface Device extends KubeObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly protocol?: { readonly protocolName?: string };
  };
}

/** A watch is opened anew this often, and given up after so much more silence: each time shows that it works. */
const TUNING = { watchTimeoutMs: 8_000, stallMs: 2_000 };
/** What was seen is believed for so long after the watch worked: a device that moved away meanwhile is noticed then. */
const TRUST_MS = 12_000;

/** Owners, and what keeps them current until the signal aborts. */
export interface WatchedOwners extends DeviceOwners {
  run(signal: AbortSignal): Promise<void>;
}

/** Where devices are, by a watch of all Devices: about 0.5 KiB each. Knows nothing while the watch does not work. */
export function watchDeviceOwners(deps: Pick<CacheDeps, "client" | "clock" | "log">): WatchedOwners {
  const pulse = createPulse(deps.clock);
  const cache = createCache({ ...deps, tuning: TUNING, metrics: { observe: () => pulse } });
  const informer = cache.informer<OwnedDevice>(DEVICES, { transform: toOwned });
  return {
    run: (signal) => cache.start(signal),
    find: (name) => (informer.hasSynced() && pulse.ageMs() < TRUST_MS ? informer.get(name) : undefined),
  };
}

/** Tells when the watch was last known to work: whenever the next is opened and the one before it did not fail. */
export function createPulse(clock: Pick<Clock, "nowMs">): ReflectorObserver & { ageMs(): number } {
  let workedAtMs = -Infinity;
  let hasFailed = false;
  return {
    listed: () => undefined,
    watched: () => {
      if (!hasFailed) workedAtMs = clock.nowMs();
      hasFailed = false;
    },
    failed: () => {
      hasFailed = true;
    },
    droppedStale: () => undefined,
    handlerFailed: () => undefined,
    ageMs: () => clock.nowMs() - workedAtMs,
  };
}

/** All that is kept of a Device. */
export function toOwned(object: KubeObject): OwnedDevice {
  const { metadata, spec } = object as Device;
  const { name, namespace = "", uid, resourceVersion } = metadata;
  return {
    metadata: { name, namespace, uid, resourceVersion },
    nodeName: spec?.nodeName ?? "",
    protocol: spec?.protocol?.protocolName ?? "",
  };
}
