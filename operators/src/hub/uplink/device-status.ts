// SPDX-License-Identifier: Apache-2.0
import { LRUCache } from "lru-cache";
import type { KubeObject, ObjectName } from "../../runtime/client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../../runtime/errors.ts";
import { controllerOf, withController } from "../../runtime/object/owner-ref.ts";
import { mergeReports, type DeviceStatusContent, type Merged } from "./device-merge.ts";
import type { DeviceReport } from "./device-report.ts";
import { forbidden, UplinkRefusal, type UplinkRequest, type UplinkTools } from "./handler/index.ts";
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
  /** Writes of one report when others write too. */
  readonly attempts: number;
}

export const defaultDeviceStatusOptions: DeviceStatusOptions = {
  grantMs: 10_000,
  denialMs: 2_000,
  cacheBytes: 16 * 1024 * 1024,
  maxProperties: 1_000,
  attempts: 5,
};

interface Device extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
}

interface DeviceStatus extends KubeObject {
  readonly status?: DeviceStatusContent;
}

/** A DeviceStatus as we read or wrote it last. */
interface Stored {
  /** undefined: there is none yet */
  readonly resourceVersion: string | undefined;
  readonly content: DeviceStatusContent;
}

interface Known {
  /** The device, if it is on the session's node. */
  readonly device: KubeObject | undefined;
  readonly checkedAtMs: number;
  readonly stored?: Stored;
}

export interface Written extends Merged {
  readonly isWritten: boolean;
}

/**
 * The DeviceStatus of devices, as the hub writes them: one merge patch a report and no read, as long as nobody else
 * writes. There is no status subresource, so that the resourceVersion is what keeps two writers apart.
 */
export class DeviceStatuses {
  readonly #options: DeviceStatusOptions;
  readonly #known: LRUCache<string, Known>;

  constructor(options: DeviceStatusOptions) {
    this.#options = options;
    this.#known = new LRUCache({ maxSize: options.cacheBytes, sizeCalculation: sizeOf });
  }

  /**
   * Writes what a device of the sender's node reports.
   *
   * @throws {UplinkRefusal} FORBIDDEN, LATER
   * @throws {ApiError} Conflict when others keep writing
   */
  async write(
    request: UplinkRequest,
    reports: readonly DeviceReport[],
    tools: UplinkTools,
  ): Promise<Written> {
    for (let attempt = 1; ; attempt++) {
      const device = await this.#requireDevice(request, tools);
      const stored = await this.#read(request, device, { tools, isFirst: attempt === 1 });
      const { nowMs, maxProperties } = { nowMs: tools.clock.wallMs(), ...this.#options };
      const merged = mergeReports(stored.content, reports, { nowMs, maxProperties });
      if (merged.changed === undefined) return { ...merged, isWritten: false };
      try {
        const status = await this.#store(request, { device, stored, changed: merged.changed }, tools);
        this.#remember(request, toStored(status));
        return { ...merged, isWritten: true };
      } catch (error) {
        this.#forget(request);
        if (attempt >= this.#options.attempts || !isOvertaken(error)) throw error;
      }
    }
  }

  /** The identity is the certificate's: the device must be on the session's own node, now or a moment ago. */
  async #requireDevice(request: UplinkRequest, tools: UplinkTools): Promise<KubeObject> {
    const known = this.#known.get(keyOf(request));
    const { grantMs, denialMs } = this.#options;
    const maxAgeMs = known?.device === undefined ? denialMs : grantMs;
    const isFresh = known !== undefined && tools.clock.nowMs() - known.checkedAtMs < maxAgeMs;
    const device = isFresh ? known.device : await this.#lookUp(request, tools);
    if (device === undefined) throw forbidden("not a device of this node");
    return device;
  }

  async #lookUp(request: UplinkRequest, tools: UplinkTools): Promise<KubeObject | undefined> {
    const key = keyOf(request);
    // What the API server has in memory may be older than the placement that brought the device to the node.
    const found = (await getOwn(request, tools, "0")) ?? (await getOwn(request, tools));
    const device = found && { metadata: found.metadata };
    const before = this.#known.get(key);
    const isSame = before?.device?.metadata.uid === device?.metadata.uid;
    this.#known.set(key, {
      device,
      checkedAtMs: tools.clock.nowMs(),
      ...(isSame && before?.stored ? { stored: before.stored } : {}),
    });
    return device;
  }

  async #read(
    request: UplinkRequest,
    device: KubeObject,
    { tools, isFirst }: { tools: UplinkTools; isFirst: boolean },
  ): Promise<Stored> {
    const known = this.#known.get(keyOf(request))?.stored;
    if (known !== undefined) return known;
    const options = isFirst ? { resourceVersion: "0" } : {};
    const status = await orMissing(
      tools.write(request.session, (signal) =>
        tools.client.get<DeviceStatus>(DEVICE_STATUSES, nameOf(request), { ...options, signal }),
      ),
    );
    if (status === undefined) return { resourceVersion: undefined, content: {} };
    const owner = controllerOf(status);
    // It is about to go with the device that it belonged to.
    if (owner !== undefined && owner.uid !== device.metadata.uid) {
      this.#forget(request);
      throw new UplinkRefusal("LATER", "the DeviceStatus is of an older device of that name");
    }
    const stored = toStored(status);
    this.#remember(request, stored);
    return stored;
  }

  #store(
    request: UplinkRequest,
    write: { device: KubeObject; stored: Stored; changed: DeviceStatusContent },
    tools: UplinkTools,
  ): Promise<DeviceStatus> {
    const { client } = tools;
    const { device, stored, changed } = write;
    const name = nameOf(request);
    const { resourceVersion } = stored;
    if (resourceVersion !== undefined) {
      const body = { metadata: { resourceVersion }, status: changed };
      return tools.write(request.session, (signal) =>
        client.patch<DeviceStatus>(DEVICE_STATUSES, name, { type: "merge", body }, { signal }),
      );
    }
    const owner = { owner: device, ownerResource: DEVICES, object: name, blockOwnerDeletion: false };
    const object = {
      metadata: { ...name, ownerReferences: withController(owner) },
      spec: {},
      status: changed,
    };
    return tools.write(request.session, (signal) =>
      client.create<DeviceStatus>(DEVICE_STATUSES, object, { signal }),
    );
  }

  #remember(request: UplinkRequest, stored: Stored): void {
    const key = keyOf(request);
    const known = this.#known.get(key);
    if (known !== undefined) this.#known.set(key, { ...known, stored });
  }

  /** The device, too, may be another one of that name by now. */
  #forget(request: UplinkRequest): void {
    this.#known.delete(keyOf(request));
  }
}

/** The device, if it is on the sender's node. */
async function getOwn(
  request: UplinkRequest,
  tools: UplinkTools,
  resourceVersion?: string,
): Promise<Device | undefined> {
  const options = resourceVersion === undefined ? {} : { resourceVersion };
  const device = await orMissing(
    tools.write(request.session, (signal) =>
      tools.client.get<Device>(DEVICES, nameOf(request), { ...options, signal }),
    ),
  );
  return device?.spec?.nodeName === request.session.node ? device : undefined;
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

const toStored = ({ metadata, status }: DeviceStatus): Stored => ({
  resourceVersion: metadata.resourceVersion,
  content: status ?? {},
});

const nameOf = ({ resource: { namespace, name } }: UplinkRequest): ObjectName & { namespace: string } => ({
  namespace,
  name,
});

const keyOf = ({ session, resource }: UplinkRequest): string =>
  `${session.connection}|${resource.namespace}/${resource.name}`;

/** A parsed object takes about twice its text. */
const sizeOf = ({ stored }: Known): number =>
  1024 + (stored === undefined ? 0 : JSON.stringify(stored).length * 2);
