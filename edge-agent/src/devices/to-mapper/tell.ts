// SPDX-License-Identifier: Apache-2.0
import { MapperError, type MapperClient } from "../../dmi/port.ts";
import type { Wanted } from "./desired.ts";
import type { MapperCall } from "./plan.ts";

const isCode = (error: unknown, ...codes: readonly MapperError["code"][]): boolean =>
  error instanceof MapperError && codes.includes(error.code);

/** The mapper answered, and the answer was no. */
export const isRefusal = (error: unknown): boolean => isCode(error, "EXISTS", "ABSENT", "REFUSED");

/** No answer in time: whether it was done is not known. */
export const isTimeout = (error: unknown): boolean => isCode(error, "TIMEOUT");

function create(client: MapperClient, item: Wanted): Promise<void> {
  return item.kind === "device"
    ? client.registerDevice(item.message)
    : client.createDeviceModel(item.message);
}

function update(client: MapperClient, item: Wanted): Promise<void> {
  return item.kind === "device" ? client.updateDevice(item.message) : client.updateDeviceModel(item.message);
}

/**
 * Where it is not known whether the mapper has the item, a device is updated first: mappers of KubeEdge's framework
 * answer the registration of a device that they have with success and keep its old settings. A model is created
 * first, which they take for a replacement.
 */
async function putEither(client: MapperClient, item: Wanted): Promise<void> {
  const [first, second] = item.kind === "device" ? [update, create] : [create, update];
  try {
    await first(client, item);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await second(client, item);
  }
}

async function put(client: MapperClient, how: "create" | "update", item: Wanted): Promise<void> {
  const [first, second, wrong] =
    how === "create" ? ([create, update, "EXISTS"] as const) : ([update, create, "ABSENT"] as const);
  try {
    await first(client, item);
  } catch (error) {
    if (!isCode(error, wrong)) throw error;
    await second(client, item);
  }
}

/** Makes one planned call. What is gone already counts as removed. @throws {MapperError} */
export async function tell(client: MapperClient, call: MapperCall): Promise<void> {
  if (call.op === "put") {
    await (call.how === "either" ? putEither(client, call.item) : put(client, call.how, call.item));
    return;
  }
  const { kind, namespace, name } = call.item;
  try {
    await (kind === "device"
      ? client.removeDevice(namespace, name)
      : client.removeDeviceModel(namespace, name));
  } catch (error) {
    if (!isCode(error, "ABSENT")) throw error;
  }
}
