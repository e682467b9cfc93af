// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { modelMismatches, type Device, type DeviceModel } from "@longshore/crds/devices";
import * as dmi from "@longshore/crds/dmi";
import type { StoredObject } from "../../store/port.ts";
import { deviceMessage, modelMessage } from "./message.ts";
import { deviceKey, messageOf, protocolOf, type ItemId } from "../model.ts";

/** One device or model that a mapper shall hold. */
export type Wanted =
  | (ItemId & {
      readonly kind: "device";
      readonly digest: string;
      readonly model: string;
      readonly message: dmi.Device;
      readonly bytes: number;
    })
  | (ItemId & {
      readonly kind: "devicemodel";
      readonly digest: string;
      readonly message: dmi.DeviceModel;
      readonly bytes: number;
    });

/** Why a device is not given to a mapper now; with VALUE it is, without the desired values that do not fit. */
export interface DeviceProblem {
  readonly code: "NO_MODEL" | "NO_PROTOCOL" | "UNSUPPORTED" | "VALUE";
  readonly message: string;
}

/** What the mapper of one protocol shall hold. */
export interface MapperDesired {
  readonly wanted: readonly Wanted[];
  /** `kind/namespace/name` of what shall stay as the mapper has it: it is wanted, but cannot be told now. */
  readonly kept: ReadonlySet<string>;
}

/** The whole of the store, seen from the mappers. */
export interface DesiredView {
  readonly byProtocol: ReadonlyMap<string, MapperDesired>;
  /** By `<namespace>/<name>` of the device. */
  readonly problems: ReadonlyMap<string, DeviceProblem>;
  /** Protocol of each device that names one, by `<namespace>/<name>`. */
  readonly protocols: ReadonlyMap<string, string>;
}

interface Converted {
  readonly model: DeviceModel | undefined;
  readonly wanted: Wanted | undefined;
  readonly problem: DeviceProblem | undefined;
}

const DESIRED_FIELD = /^spec\.properties\[(\d+)\]\.desired(?:\.value)?$/;
const digestOf = (bytes: Uint8Array, uid = ""): string =>
  createHash("sha256").update(bytes).update(uid).digest("base64url");

/**
 * Desired values that do not fit the model, by the property's place in the list. The cloud judged the device by the
 * model that it had; this is the model that is here.
 */
function desiredMisfits(device: Device, model: DeviceModel): ReadonlyMap<number, string> {
  const found = modelMismatches(device.spec ?? {}, model.spec ?? {}).flatMap(({ field, message }) => {
    const place = DESIRED_FIELD.exec(field)?.[1];
    if (place === undefined) return [];
    const name = device.spec?.properties?.[Number(place)]?.name ?? "";
    return [[Number(place), `${name}: ${message}`] as const];
  });
  return new Map(found);
}

/** What a mapper cannot be told to want, it is not told: the property is still read and reported. */
function withoutDesired(device: Device, misfits: ReadonlyMap<number, string>): Device {
  if (misfits.size === 0 || device.spec === undefined) return device;
  const properties = (device.spec.properties ?? []).map((property, place) => {
    return misfits.has(place) ? { ...property, desired: { value: "" } } : property;
  });
  return { ...device, spec: { ...device.spec, properties } };
}

function convertDevice(object: StoredObject, device: Device, model: DeviceModel | undefined): Converted {
  const { namespace, name } = object;
  const modelName = device.spec?.deviceModelRef?.name ?? "";
  const problem = (code: DeviceProblem["code"], message: string): Converted => ({
    model,
    wanted: undefined,
    problem: { code, message },
  });
  if (protocolOf(device, model) === "") return problem("NO_PROTOCOL", "the device names no protocol");
  if (model === undefined) return problem("NO_MODEL", `the model ${modelName} is not here yet`);
  try {
    const misfits = desiredMisfits(device, model);
    const message = deviceMessage(withoutDesired(device, misfits), model);
    const bytes = dmi.Device.encode(message).finish();
    return {
      model,
      wanted: {
        kind: "device",
        namespace,
        name,
        model: modelName,
        message,
        bytes: bytes.length,
        // Another of the same name and settings is told, too: nothing is known yet of what it shows.
        digest: digestOf(bytes, object.uid),
      },
      problem: misfits.size === 0 ? undefined : { code: "VALUE", message: [...misfits.values()].join("; ") },
    };
  } catch (error) {
    return problem("UNSUPPORTED", messageOf(error));
  }
}

/** Undefined for one that is not as its definition says: what it was stays, and its devices say why. */
function convertModel({ namespace, name, value }: StoredObject): Wanted | undefined {
  try {
    const message = modelMessage(value as DeviceModel);
    const bytes = dmi.DeviceModel.encode(message).finish();
    return { kind: "devicemodel", namespace, name, message, bytes: bytes.length, digest: digestOf(bytes) };
  } catch {
    return undefined;
  }
}

class Building {
  readonly wanted = new Map<string, Wanted>();
  readonly kept = new Set<string>();
}

/**
 * Makes the view of what the mappers shall hold. It remembers what it made of each object, so that a change of one
 * device does not encode the others again.
 */
export function createDesiredView(): (
  devices: readonly StoredObject[],
  models: readonly StoredObject[],
) => DesiredView {
  const converted = new WeakMap<object, Converted>();
  const models_ = new WeakMap<object, Wanted | undefined>();

  const deviceOf = (object: StoredObject, model: DeviceModel | undefined): Converted => {
    const device = object.value as Device;
    const known = converted.get(device);
    if (known !== undefined && known.model === model) return known;
    const fresh = convertDevice(object, device, model);
    converted.set(device, fresh);
    return fresh;
  };
  const modelOf = (object: StoredObject): Wanted | undefined => {
    const value = object.value as object;
    if (!models_.has(value)) models_.set(value, convertModel(object));
    return models_.get(value);
  };

  const addModel = ({ wanted, kept }: Building, key: string, object: StoredObject | undefined): void => {
    const model = object && modelOf(object);
    if (model === undefined) kept.add(key);
    else wanted.set(key, model);
  };

  return (devices, models) => {
    const byProtocol = new Map<string, Building>();
    const problems = new Map<string, DeviceProblem>();
    const protocols = new Map<string, string>();
    const modelObjects = new Map(models.map((object) => [deviceKey(object.namespace, object.name), object]));
    const building = (protocol: string): Building => {
      const found = byProtocol.get(protocol) ?? new Building();
      byProtocol.set(protocol, found);
      return found;
    };
    for (const object of devices) {
      const device = object.value as Device;
      const modelKey = deviceKey(object.namespace, device.spec?.deviceModelRef?.name ?? "");
      const modelObject = modelObjects.get(modelKey);
      const model = modelObject?.value as DeviceModel | undefined;
      const key = deviceKey(object.namespace, object.name);
      const { wanted, problem } = deviceOf(object, model);
      const protocol = protocolOf(device, model);
      if (protocol !== "") protocols.set(key, protocol);
      if (problem !== undefined) problems.set(key, problem);
      const { wanted: all, kept } = building(protocol);
      if (wanted !== undefined) all.set(object.key, wanted);
      else kept.add(object.key);
      addModel(building(protocol), `devicemodel/${modelKey}`, modelObject);
    }
    byProtocol.delete("");
    const done = [...byProtocol].map(([protocol, { wanted, kept }]): [string, MapperDesired] => [
      protocol,
      { wanted: [...wanted.values()], kept },
    ]);
    return { byProtocol: new Map(done), problems, protocols };
  };
}
