// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces } from "node:os";
import { exec } from "../exec.ts";
import type { Layout } from "./layout.ts";

/** Whether this machine has the address of an environment now. */
export const hasAddress = ({ address }: Layout): boolean =>
  Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));

export async function addAddress(layout: Layout): Promise<void> {
  if (!hasAddress(layout)) await exec("ip", ["address", "add", `${layout.address}/32`, "dev", "lo"]);
}

export async function removeAddress(layout: Layout): Promise<void> {
  if (hasAddress(layout))
    await exec("ip", ["address", "delete", `${layout.address}/32`, "dev", "lo"], { tolerant: true });
}
