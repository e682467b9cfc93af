// SPDX-License-Identifier: Apache-2.0
import { BlockList, isIP, isIPv6 } from "node:net";

/** What kind of network an address is of. */
export type AddressClass = "public" | "private" | "loopback" | "special";

const RANGES: readonly (readonly [AddressClass, string, number])[] = [
  ["loopback", "127.0.0.0", 8],
  ["loopback", "::1", 128],
  // RFC 1918, RFC 6598 (carriers), RFC 4193, RFC 2544 (benchmarks)
  ["private", "10.0.0.0", 8],
  ["private", "172.16.0.0", 12],
  ["private", "192.168.0.0", 16],
  ["private", "100.64.0.0", 10],
  ["private", "fc00::", 7],
  ["private", "198.18.0.0", 15],
  // Link-local, with clouds' metadata services; unspecified; multicast and reserved; IPv4 inside IPv6
  ["special", "169.254.0.0", 16],
  ["special", "0.0.0.0", 8],
  ["special", "192.0.0.0", 24],
  ["special", "224.0.0.0", 3],
  ["special", "::", 128],
  ["special", "fe80::", 10],
  ["special", "ff00::", 8],
  ["special", "64:ff9b::", 96],
  ["special", "2002::", 16],
];

const lists = (["loopback", "private", "special"] as const).map((kind) => {
  const list = new BlockList();
  for (const [of, network, bits] of RANGES)
    if (of === kind) list.addSubnet(network, bits, isIPv6(network) ? "ipv6" : "ipv4");
  return { kind, list };
});

/** @param address an IPv4 or IPv6 address, without brackets or zone */
export function classOf(address: string): AddressClass {
  const plain = mappedIpv4(address);
  const family = isIPv6(plain) ? "ipv6" : "ipv4";
  return lists.find(({ list }) => list.check(plain, family))?.kind ?? "public";
}

/** `::ffff:10.0.0.1` and `::ffff:a00:1` are IPv4 addresses. */
function mappedIpv4(address: string): string {
  const rest = /^(?:0*:)*:?ffff:(.+)$/i.exec(address)?.[1];
  if (rest === undefined || !isIPv6(address)) return address;
  if (isIP(rest) === 4) return rest;
  const [high = 0, low = 0] = rest.split(":").map((part) => Number.parseInt(part, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** Of a URL's `host`: its name without port and brackets. */
export const nameOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");
