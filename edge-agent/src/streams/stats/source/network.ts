// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { linkAt, textOf } from "./files.ts";
import type { InterfaceUsage, NetworkUsage } from "../usage.ts";

/** Where counters of an interface are in its line of /proc/net/dev: first what came in, then what went out. */
const TX_OFFSET = 8;

function interfaceIn(line: string): InterfaceUsage | undefined {
  const [, name, rest] = /^\s*([^\s:]+):\s*(.*)$/.exec(line) ?? [];
  if (name === undefined || rest === undefined) return undefined;
  const counters = rest.trim().split(/\s+/).map(Number);
  const traffic = (offset: number): InterfaceUsage["rx"] => {
    const [bytes = 0, packets = 0, errors = 0, dropped = 0] = counters.slice(offset, offset + 4);
    return { bytes, packets, errors, dropped };
  };
  return { name, rx: traffic(0), tx: traffic(TX_OFFSET) };
}

/** Reads the text of /proc/net/dev. */
export const interfacesIn = (text: string): readonly InterfaceUsage[] =>
  text.split("\n").flatMap((line) => interfaceIn(line) ?? []);

const isLoopback = (name: string): boolean => name === "lo";

/**
 * What a pod's network carried, seen through one of its processes. Undefined for a process on the node's own
 * network (counting that for a pod would count the node for each) and for one that has ended.
 */
export function podNetwork(procDir: string, pid: number, atMs: number): NetworkUsage | "host" | undefined {
  const link = (): string | undefined => linkAt(join(procDir, String(pid), "ns/net"));
  const own = link();
  if (own === undefined) return undefined;
  if (own === linkAt(join(procDir, "self/ns/net"))) return "host";
  const text = textOf(join(procDir, String(pid), "net/dev"));
  // the number may be another process by now: then this is another's network
  if (text === undefined || link() !== own) return undefined;
  const interfaces = interfacesIn(text).filter(({ name }) => !isLoopback(name));
  return { atMs, interfaces, main: mainOf(interfaces) };
}

/** The interface that a pod leaves by: CNI's name for it, else the first. */
export const mainOf = (interfaces: readonly InterfaceUsage[]): string =>
  (interfaces.find(({ name }) => name === "eth0") ?? interfaces[0])?.name ?? "";

/** Ends of pods' links and bridges of runtimes: their traffic is that of others. */
const IGNORED = /^(lo$|veth|docker|nerdctl)/;

/** What the node's own interfaces carried. @param main the one with the default route */
export function nodeNetwork(text: string, main: string, atMs: number): NetworkUsage {
  const interfaces = interfacesIn(text).filter(({ name }) => !IGNORED.test(name));
  return { atMs, interfaces, main: main === "" ? mainOf(interfaces) : main };
}
