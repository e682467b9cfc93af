// SPDX-License-Identifier: Apache-2.0
import type { NetworkInterfaceInfo } from "node:os";

/** Name of the interface with the default route, from the text of /proc/net/route; "" when there is none. */
export function defaultRouteInterface(routes: string): string {
  const rows = routes.split("\n").map((line) => line.split("\t"));
  return rows.find(([, destination, , flags]) => destination === "00000000" && isUp(flags))?.[0] ?? "";
}

const RTF_UP = 1;
const isUp = (flags: string | undefined): boolean => (parseInt(flags ?? "0", 16) & RTF_UP) !== 0;

/** The address to tell the cloud: of the preferred interface, else of any; IPv4 before IPv6; loopback last. */
export function chooseIp(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
  preferred: string,
): string {
  const all = Object.entries(interfaces).flatMap(([name, list]) =>
    (list ?? []).map((info) => ({ name, ...info })),
  );
  const usable = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80"));
  const rank = (info: (typeof all)[number]): number =>
    (info.name === preferred ? 0 : 2) + (info.family === "IPv4" ? 0 : 1);
  return usable.sort((a, b) => rank(a) - rank(b))[0]?.address ?? "127.0.0.1";
}
