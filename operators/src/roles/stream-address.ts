// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import type { Config } from "../config/index.ts";
import type { NodeEndpoint } from "../hub/uplink/index.ts";

/** What is known of the machine that a hub runs on. */
export interface Machine {
  readonly hostname: string;
  readonly interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
}

/** Where the stream port is reached. */
export interface StreamAddresses {
  /** By API servers: what Nodes advertise. */
  readonly endpoint: NodeEndpoint;
  /** By the other hubs: `host:port`, with brackets around an IPv6 address. */
  readonly peers: string;
}

/** @returns undefined when there is no address of the wished type */
export function streamAddresses({ hub }: Config, machine: Machine): StreamAddresses | undefined {
  const { stream } = hub;
  const own = stream.advertiseAddress === "" ? ownAddress(hub, machine) : stream.advertiseAddress;
  const host = stream.peerAddress === "" ? own : stream.peerAddress;
  if (own === undefined || host === undefined) return undefined;
  const port = stream.advertisePort === 0 ? stream.port : stream.advertisePort;
  return {
    endpoint: { type: stream.addressType, address: own, port },
    peers: `${isIP(host) === 6 ? `[${host}]` : host}:${stream.port}`,
  };
}

function ownAddress(hub: Config["hub"], machine: Machine): string | undefined {
  const { addressType } = hub.stream;
  if (!addressType.endsWith("IP")) return hub.dnsNames[0] ?? machine.hostname;
  return hub.advertiseAddresses.find((address) => isIP(address) !== 0) ?? machineAddress(machine);
}

function machineAddress({ interfaces }: Machine): string | undefined {
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
