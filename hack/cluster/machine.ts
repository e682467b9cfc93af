// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces, type NetworkInterfaceInfo } from "node:os";

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * An IPv4 address of this machine that others can reach, if it has one.
 * Not those of bridges: they come and go with the pods behind them.
 */
export function machineAddress(interfaces: Interfaces = networkInterfaces()): string | undefined {
  return Object.entries(interfaces)
    .filter(([name]) => !/^(cni|docker|br-|veth)/.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .find(
      ({ family, internal, address }) => family === "IPv4" && !internal && !address.startsWith("169.254."),
    )?.address;
}
