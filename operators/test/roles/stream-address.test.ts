// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { NetworkInterfaceInfo } from "node:os";
import { readConfig } from "../../src/config/index.ts";
import { streamAddresses } from "../../src/roles/stream-address.ts";

const info = (address: string, family: "IPv4" | "IPv6", internal = false) =>
  ({ address, family, internal }) as NetworkInterfaceInfo;
const interfaces = {
  lo: [info("127.0.0.1", "IPv4", true)],
  eth0: [info("fd00::9", "IPv6"), info("10.1.0.9", "IPv4")],
};
const machine = { hostname: "hub-0", interfaces };

function addressesOf(argv: readonly string[], on = machine) {
  const read = readConfig({ argv, env: {}, readFile: () => "" });
  if (read.action !== "run") throw new Error("not run");
  return streamAddresses(read.config, on);
}

const internal = (address: string, port = 10003) => ({ type: "InternalIP", address, port });

describe("where a hub's stream port is reached", () => {
  it.each([
    { when: "nothing is set", argv: [], endpoint: internal("10.1.0.9"), peers: "10.1.0.9:10003" },
    {
      when: "edges reach the hub by an IP",
      argv: ["--hub-advertise-addresses=hub.example,192.0.2.7"],
      ...{ endpoint: internal("192.0.2.7"), peers: "192.0.2.7:10003" },
    },
    {
      when: "an address is set",
      argv: ["--hub-stream-advertise-address=10.2.0.1", "--hub-advertise-addresses=192.0.2.7"],
      ...{ endpoint: internal("10.2.0.1"), peers: "10.2.0.1:10003" },
    },
    {
      when: "the port is mapped for API servers",
      argv: ["--hub-stream-advertise-port=30003", "--hub-stream-port=11003"],
      ...{ endpoint: internal("10.1.0.9", 30003), peers: "10.1.0.9:11003" },
    },
    {
      when: "all hubs have one address",
      argv: ["--hub-stream-advertise-address=10.2.0.1", "--hub-stream-peer-address=10.1.0.8"],
      ...{ endpoint: internal("10.2.0.1"), peers: "10.1.0.8:10003" },
    },
    {
      when: "it is of IPv6",
      argv: ["--hub-stream-advertise-address=fd00::1"],
      ...{ endpoint: internal("fd00::1"), peers: "[fd00::1]:10003" },
    },
    {
      when: "API servers prefer names",
      argv: ["--hub-stream-address-type=Hostname"],
      ...{ endpoint: { ...internal("hub-0"), type: "Hostname" }, peers: "hub-0:10003" },
    },
    {
      when: "API servers prefer names, and edges have one",
      argv: ["--hub-stream-address-type=InternalDNS", "--hub-dns-names=hub.example"],
      ...{ endpoint: { ...internal("hub.example"), type: "InternalDNS" }, peers: "hub.example:10003" },
    },
  ])("is $peers when $when", ({ argv, endpoint, peers }) => {
    expect(addressesOf(argv)).toEqual({ endpoint, peers });
  });

  it("is not known on a machine without a network", () => {
    expect(addressesOf([], { ...machine, interfaces: { ...interfaces, eth0: [] } })).toBeUndefined();
  });
});
