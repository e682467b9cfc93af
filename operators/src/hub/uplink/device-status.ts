// SPDX-License-Identifier: Apache-2.0
import { LRUCache } from "lru-cache";
import type { KubeObject, ObjectName } from "../../runtime/client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../../runtime/errors.ts";
import { controllerOf, withController } from "../../runtime/object/owner-ref.ts";
import { laidOver, mergeReports, type DeviceStatusContent, type StatusChange } from "./device-merge.ts";
import { toOwned, type DeviceOwners, type OwnedDevice } from "./device-owners.ts";
import type { DeviceReport, Skipped } from "./device-report.ts";
import type { Cost, DeviceTarget } from "./device-writer.ts";
import { forbidden, LENIENT, UplinkRefusal, type UplinkTools } from "./handler/index.ts";
import { DEVICE_STATUSES, DEVICES } from "./kinds.ts";

export interface DeviceStatusOptions {
  /** That a device is on a node is looked up again after so long. */
  readonly grantMs: number;
  /** That it is not, likewise. */
  readonly denialMs: number;
  /** What is remembered of all sessions' devices. */
  readonly cacheBytes: number;
  /** Properties of one device; more are left out. As many as a Device may have. */
  readonly maxProperties: number;
  /** Of the properties of one device together, as JSON; what is more is left out. etcd takes 1.5 MiB an object. */
  readonly maxStatusBytes: number;
  /** That a report says nothing new is looked up again where it was last read or written so long ago. */
  readonly storedMs: number;
  /** Writes of one report when others write too. */
  readonly attempts: number;
}

export const defaultDeviceStatusOptions: DeviceStatusOptions = {
  grantMs: 10_000,
  denialMs: 2_000,
  cacheBytes: 64 * 1024 * 1024,
  maxProperties: 1_000,
  maxStatusBytes: 1_310_720,
  storedMs: 60_000,
  attempts: 5,
};

interface DeviceStatus extends KubeObject {
  readonly status?: DeviceStatusContent;
}

/** A DeviceStatus as we read or wrote it last. */
interface Stored {
  /** Of the Device that it was read or written for. */
  readonly uid: string;
  /** undefined: there is none yet */
  readonly resourceVersion: string | undefined;
  readonly content: DeviceStatusContent;
  /** monotonic */
  readonly atMs: number;
}

interface Known {
  /** The device as the API server told it, if it was on the session's node; undefined when it was never asked. */
  readonly lookUp?: { readonly device: OwnedDevice | undefined; readonly atMs: number };
  readonly stored?: Stored;
  /** See Lateness. */
  readonly late?: Map<string, number>;
}

export interface Written {
  readonly isWritten: boolean;
  readonly skipped: Skipped;
}

/** One write on its way. */
interface Job {
  readonly target: DeviceTarget;
  readonly tools: UplinkTools;
  readonly cost: Cost;
}

/**
 * The DeviceStatus of devices, as the hub writes them: one merge patch a report and no read, as long as nobody else
 * writes. There is no status subresource, so that the resourceVersion is what keeps two writers apart.
 */
export class DeviceStatuses {
  readonly #options: DeviceStatusOptions;
  readonly #owners: DeviceOwners | undefined;
  readonly #known: LRUCache<string, Known>;

  constructor(options: DeviceStatusOptions, owners?: DeviceOwners) {
    this.#options = options;
    this.#owners = owners;
    this.#known = new LRUCache({ maxSize: options.cacheBytes, sizeCalculation: sizeOf });
  }

  /**
   * Writes what a device of the sender's node reports.
   *
   * @throws {UplinkRefusal} FORBIDDEN, STALE_UID, LATER
   * @throws {ApiError} Conflict when others keep writing
   */
  async write(job: Job, report: DeviceReport): Promise<Written> {
    const { target, tools } = job;
    for (let attempt = 1; ; attempt++) {
      const device = await this.#requireDevice(job);
      const stored = await this.#read(job, device);
      const facts = { nodeName: target.session.node, protocol: device.protocol };
      const { maxProperties, maxStatusBytes: maxBytes } = this.#options;
      const { changed, skipped } = mergeReports(stored.content, [report], {
        ...{ nowMs: tools.clock.wallMs(), maxProperties, maxBytes, facts },
        late: { sinceMs: this.#lateOf(target), nowMs: tools.clock.nowMs() },
      });
      if (changed === undefined) {
        // A second attempt has read it just now.
        const isRecent = attempt > 1 || tools.clock.nowMs() - stored.atMs < this.#options.storedMs;
        if (isRecent) return { skipped, isWritten: false };
        this.#forget(target); // somebody may have changed or removed it since
        continue;
      }
      try {
        const { metadata } = await this.#store(job, { device, stored, changed });
        const content = laidOver(stored.content, changed);
        const { resourceVersion } = metadata;
        const atMs = tools.clock.nowMs();
        this.#remember(target, { uid: device.metadata.uid, resourceVersion, content, atMs });
        return { skipped, isWritten: true };
      } catch (error) {
        this.#forget(target);
        if (attempt >= this.#options.attempts || !isOvertaken(error)) throw error;
      }
    }
  }

  /** The identity is the certificate's: the device must be on the session's own node, now or a moment ago. */
  async #requireDevice(job: Job): Promise<OwnedDevice> {
    const { target } = job;
    const seen = this.#owners?.find(target);
    // What is watched may be behind, so that only a yes is taken from it.
    if (seen?.nodeName === target.session.node && isUid(seen, target.uid)) return seen;
    const device = await this.#lookUp(job);
    if (device === undefined) throw forbidden("not a device of this node");
    if (!isUid(device, target.uid)) throw new UplinkRefusal("STALE_UID", "the device was made anew");
    return device;
  }

  async #lookUp(job: Job): Promise<OwnedDevice | undefined> {
    const key = keyOf(job.target);
    const before = this.#known.get(key);
    const { grantMs, denialMs } = this.#options;
    const { lookUp } = before ?? {};
    const isGranted = lookUp?.device !== undefined && isUid(lookUp.device, job.target.uid);
    const nowMs = job.tools.clock.nowMs();
    if (lookUp !== undefined && nowMs - lookUp.atMs < (isGranted ? grantMs : denialMs)) return lookUp.device;
    // What the API server has in memory may be older than the placement that brought the device to the node.
    const found = (await getOwn(job, "0")) ?? (await getOwn(job));
    this.#known.set(key, { ...before, lookUp: { device: found, atMs: nowMs } });
    return found;
  }

  /** From storage: what the API server has in memory may be older, and an unchanged report is confirmed by this. */
  async #read(job: Job, device: OwnedDevice): Promise<Stored> {
    const { target, tools } = job;
    const { uid } = device.metadata;
    const known = this.#known.get(keyOf(target))?.stored;
    if (known?.uid === uid) return known;
    job.cost.reads += 1;
    const status = await orMissing(
      tools.write(target.session, (signal) =>
        tools.client.get<DeviceStatus>(DEVICE_STATUSES, nameOf(target), { signal }),
      ),
    );
    const atMs = tools.clock.nowMs();
    if (status === undefined) return { uid, resourceVersion: undefined, content: {}, atMs };
    const owner = controllerOf(status);
    // It is about to go with the device that it belonged to.
    if (owner !== undefined && owner.uid !== uid) {
      this.#forget(target);
      throw new UplinkRefusal("LATER", "the DeviceStatus is of an older device of that name");
    }
    const { resourceVersion } = status.metadata;
    const stored = { uid, resourceVersion, content: status.status ?? {}, atMs };
    this.#remember(target, stored);
    return stored;
  }

  /** Leniently: values are not to be lost where the kind is still KubeEdge's, without a place for why and where. */
  #store(
    { target, tools, cost }: Job,
    { device, stored, changed }: { device: OwnedDevice; stored: Stored; changed: StatusChange },
  ): Promise<DeviceStatus> {
    const { client } = tools;
    const name = nameOf(target);
    const { resourceVersion } = stored;
    if (resourceVersion !== undefined) {
      const body = { metadata: { resourceVersion }, status: changed };
      return tools.write(target.session, (signal) => {
        cost.writes += 1;
        return client.patch<DeviceStatus>(
          DEVICE_STATUSES,
          name,
          { type: "merge", body },
          { ...LENIENT, signal },
        );
      });
    }
    const owner = { owner: device, ownerResource: DEVICES, object: name, blockOwnerDeletion: false };
    const object = {
      metadata: { ...name, ownerReferences: withController(owner) },
      spec: {},
      status: laidOver({}, changed),
    };
    return tools.write(target.session, (signal) => {
      cost.writes += 1;
      return client.create<DeviceStatus>(DEVICE_STATUSES, object, { ...LENIENT, signal });
    });
  }

  /** At most two entries for each property that the device has in its DeviceStatus. */
  #lateOf(target: DeviceTarget): Map<string, number> {
    const key = keyOf(target);
    const known = this.#known.get(key);
    const late = known?.late ?? new Map<string, number>();
    if (known?.late === undefined) this.#known.set(key, { ...known, late });
    return late;
  }

  /** What is stored, and where the device is, are to be asked for again. */
  #forget(target: DeviceTarget): void {
    this.#known.set(keyOf(target), { late: this.#lateOf(target) });
  }

  #remember(target: DeviceTarget, stored: Stored): void {
    const key = keyOf(target);
    this.#known.set(key, { ...this.#known.get(key), stored });
  }
}

const isUid = ({ metadata }: OwnedDevice, uid: string | undefined): boolean =>
  uid === undefined || metadata.uid === uid;

/** The device, if it is on the sender's node. */
async function getOwn(
  { target, tools, cost }: Job,
  resourceVersion?: string,
): Promise<OwnedDevice | undefined> {
  const options = resourceVersion === undefined ? {} : { resourceVersion };
  cost.reads += 1;
  const device = await orMissing(
    tools.write(target.session, (signal) =>
      tools.client.get(DEVICES, nameOf(target), { ...options, signal }),
    ),
  );
  const owned = device && toOwned(device);
  return owned?.nodeName === target.session.node ? owned : undefined;
}

async function orMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Somebody else wrote, made or removed it meanwhile. */
const isOvertaken = (error: unknown): boolean =>
  isConflict(error) || isAlreadyExists(error) || isNotFound(error);

const nameOf = ({ namespace, name }: DeviceTarget): ObjectName & { namespace: string } => ({
  namespace,
  name,
});

const keyOf = ({ session, namespace, name }: DeviceTarget): string =>
  `${session.connection}|${namespace}/${name}`;

/** A parsed object takes about twice its text. */
const sizeOf = ({ stored }: Known): number =>
  1024 + (stored === undefined ? 0 : JSON.stringify(stored).length * 2);
