// SPDX-License-Identifier: Apache-2.0
// What a property that is no stream reads of a camera. Pure.
import type { Property } from "@longshore/mapper";
import { settingsOf } from "../settings/index.ts";

export const ITEMS = [
  /** address of the stream, without credentials */
  "uri",
  ...(["manufacturer", "model", "firmwareVersion", "serialNumber", "hardwareId"] as const),
  /** `idle`, `running`, `failed` or `done`: the streams of this device together */
  "captureState",
  /** files that the streams have saved since the device was opened */
  "capturedFiles",
  /** why the last stream failed; empty when none did */
  "captureError",
] as const;
export type Item = (typeof ITEMS)[number];

/**
 * The key `item`, or the property's own name where that is one. Anything else is the address of the stream, as at
 * KubeEdge, whose samples name it getURI.
 *
 * @throws {SettingError} when `item` is given and is none
 */
export function itemOf({ name, config }: Pick<Property, "name" | "config">): Item {
  const own = ITEMS.find((item) => item.toLowerCase() === name.toLowerCase());
  return settingsOf(config, name).oneOf("item", ITEMS, own ?? "uri");
}
