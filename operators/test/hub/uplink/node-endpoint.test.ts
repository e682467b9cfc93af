// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { NODES } from "../../../src/hub/uplink/kinds.ts";
import {
  advertisedPatch,
  advertisedStatus,
  missingAdvertisement,
  ownNodeOf,
} from "../../../src/hub/uplink/node-endpoint.ts";
import { uplinkBench } from "./bench.ts";

const ENDPOINT = { type: "InternalIP", address: "10.0.0.1", port: 10003 };
const HUB = { type: "InternalIP", address: "10.0.0.1" };
const OWN = { type: "InternalIP", address: "192.0.2.2" };
const NAME = { type: "Hostname", address: "edge-1" };
const REPLACE = { $patch: "replace" };
const METADATA = {
  annotations: { "metrics.k8s.io/resource-metrics-path": "/nodes/edge-1/metrics/resource" },
};
const port = (Port: number) => ({ kubeletEndpoint: { Port } });

describe("a registration", () => {
  it.each([
    { when: "the node's own", addresses: [OWN, NAME], want: [HUB, OWN, NAME] },
    { when: "none", addresses: undefined, want: [HUB] },
    { when: "what is no list", addresses: "x", want: [HUB] },
    { when: "the hub's already, last", addresses: [OWN, NAME, HUB], want: [HUB, OWN, NAME] },
    {
      when: "the same address of another type",
      addresses: [{ ...HUB, type: "ExternalIP" }],
      want: [HUB, { ...HUB, type: "ExternalIP" }],
    },
  ])("with $when gets the hub's address first, and its port", ({ addresses, want }) => {
    const status = { ...(addresses === undefined ? {} : { addresses }), daemonEndpoints: port(10350), a: 1 };
    expect(advertisedStatus(status, ENDPOINT)).toEqual({
      ...{ addresses: want, daemonEndpoints: port(10003), a: 1 },
    });
  });

  it("gets the port also where it tells none", () => {
    expect(advertisedStatus({}, ENDPOINT)).toEqual({ addresses: [HUB], daemonEndpoints: port(10003) });
  });
});

describe("a patch of the status", () => {
  it.each([
    {
      when: "our agent's, which replaces all",
      status: { addresses: [OWN, NAME, REPLACE], daemonEndpoints: port(10350) },
      want: { addresses: [HUB, OWN, NAME, REPLACE], daemonEndpoints: port(10003) },
    },
    {
      when: "an EdgeCore's, with the directive first",
      status: { addresses: [REPLACE, OWN, NAME] },
      want: { addresses: [HUB, REPLACE, OWN, NAME], daemonEndpoints: port(10003) },
    },
    {
      when: "one to be merged by type, whose entries would overwrite one another",
      status: { addresses: [OWN], "$setElementOrder/addresses": [{ type: "InternalIP" }] },
      want: { addresses: [HUB, OWN, REPLACE], daemonEndpoints: port(10003) },
    },
    {
      when: "one that takes the addresses away",
      status: { addresses: null },
      want: { addresses: [HUB, REPLACE], daemonEndpoints: port(10003) },
    },
    {
      when: "one with the port alone",
      status: { daemonEndpoints: port(10350) },
      want: { daemonEndpoints: port(10003) },
    },
    {
      when: "one with the port taken away",
      status: { daemonEndpoints: null },
      want: { daemonEndpoints: port(10003) },
    },
  ])("$when keeps the hub's address and port", ({ status, want }) => {
    expect(advertisedPatch("edge-1", status, ENDPOINT)).toEqual({ metadata: METADATA, status: want });
  });

  it.each([
    { when: "nothing", status: {} },
    { when: "conditions", status: { conditions: [{ type: "Ready" }] } },
    { when: "an empty list of addresses, which changes nothing", status: { addresses: [] } },
  ])("with $when is left alone", ({ status }) => {
    expect(advertisedPatch("edge-1", status, ENDPOINT)).toEqual({ status });
  });
});

const node = (status: object, metadata: object = METADATA) => ({
  metadata: { name: "edge-1", uid: "u", resourceVersion: "1", ...metadata },
  status,
});

describe("a Node", () => {
  it.each([
    { when: "it has neither", status: { addresses: [OWN, NAME], daemonEndpoints: port(10350) } },
    { when: "another address is first", status: { addresses: [OWN, HUB], daemonEndpoints: port(10003) } },
    { when: "the port differs", status: { addresses: [HUB, OWN], daemonEndpoints: port(10350) } },
    {
      when: "the annotation is missing",
      status: { addresses: [HUB], daemonEndpoints: port(10003) },
      metadata: {},
    },
    { when: "it has no status", status: {} },
  ])("is to be written when $when", ({ status, metadata }) => {
    expect(missingAdvertisement(node(status, metadata), ENDPOINT)).toMatchObject({
      metadata: METADATA,
      status: { addresses: expect.arrayContaining([HUB, REPLACE]), daemonEndpoints: port(10003) },
    });
  });

  it("is left alone when it advertises the hub", () => {
    const told = node({ addresses: [HUB, OWN, NAME], daemonEndpoints: port(10003) });
    expect(missingAdvertisement(told, ENDPOINT)).toBeUndefined();
  });

  it("is shown to its edge as the edge reported it", () => {
    const told = node({ addresses: [HUB, OWN, NAME], daemonEndpoints: port(10003), a: 1 });
    expect(ownNodeOf(told, ENDPOINT)).toEqual(
      node({ addresses: [OWN, NAME], daemonEndpoints: port(10350), a: 1 }),
    );
  });

  it("forgets the hub where its session was before", () => {
    const before = node({ addresses: [HUB, OWN, NAME], daemonEndpoints: port(10003) });
    const endpoint = { ...ENDPOINT, address: "10.0.0.2" };
    expect(missingAdvertisement(before, endpoint)).toEqual({
      metadata: METADATA,
      status: {
        addresses: [{ ...HUB, address: "10.0.0.2" }, OWN, NAME, REPLACE],
        daemonEndpoints: port(10003),
      },
    });
    expect(ownNodeOf(before, endpoint)).toEqual(
      node({ addresses: [OWN, NAME], daemonEndpoints: port(10350) }),
    );
  });

  it("keeps its own address where no hub was advertised", () => {
    const untold = node({ addresses: [OWN], daemonEndpoints: port(10003) }, {});
    expect(missingAdvertisement(untold, ENDPOINT)).toMatchObject({
      status: { addresses: [HUB, OWN, REPLACE] },
    });
    expect(ownNodeOf(untold, ENDPOINT)).toBe(untold);
  });

  it.each([
    { when: "nothing is advertised", endpoint: undefined, addresses: [HUB, OWN] },
    { when: "it has no addresses", endpoint: ENDPOINT, addresses: undefined },
  ])("is shown as it is when $when", ({ endpoint, addresses }) => {
    const told = node({ addresses, daemonEndpoints: port(10003) });
    expect(ownNodeOf(told, endpoint)).toBe(told);
  });
});

describe("a hub that serves streams", () => {
  const status = { addresses: [OWN, NAME], daemonEndpoints: port(10350) };
  const register = { metadata: { name: "edge-1" }, status };

  it("writes its endpoint with the registration, and shows the edge its own", async () => {
    const bench = uplinkBench({ nodeEndpoint: ENDPOINT });
    const reply = await bench.ask("insert", "null/node/edge-1", register);
    expect(bench.client.calls.map(({ verb, body }) => [verb, body])).toMatchObject([
      ["create", { metadata: METADATA, status: { addresses: [HUB, OWN, NAME] } }],
    ]);
    expect(reply?.content).toMatchObject({ Object: { status } });
    expect((await bench.ask("query", "null/node/edge-1"))?.content).toMatchObject({ status });
  });

  it.each([
    { resource: "null/nodepatch/edge-1", operation: "patch", content: JSON.stringify({ status }) },
    { resource: "default/nodestatus/edge-1", operation: "update", content: { UID: "u", Status: status } },
  ])("writes its endpoint with $operation of $resource, in one call", async (sent) => {
    const bench = uplinkBench({ nodeEndpoint: ENDPOINT, negotiated: true });
    bench.client.put(NODES, { metadata: { name: "edge-1" } });
    await bench.ask(sent.operation, sent.resource, sent.content);
    expect(bench.client.calls).toMatchObject([
      {
        verb: "patch",
        body: { metadata: METADATA, status: { addresses: [HUB, OWN, NAME, REPLACE] } },
        options: { subresource: "status" },
      },
    ]);
  });

  it.each(["insert", "update"])("takes no other path to metrics from the node (%s)", async (operation) => {
    const bench = uplinkBench({ nodeEndpoint: ENDPOINT });
    if (operation === "update") bench.client.put(NODES, { metadata: { name: "edge-1" } });
    const annotations = {
      "metrics.k8s.io/resource-metrics-path": "/nodes/edge-2/metrics/resource",
      own: "1",
    };
    await bench.ask(operation, "null/node/edge-1", { metadata: { name: "edge-1", annotations } });
    expect(bench.client.find(NODES, { name: "edge-1" })?.metadata.annotations).toEqual({
      ...METADATA.annotations,
      own: "1",
    });
  });

  it("writes nothing of its own for our agent, which tells everything each time", async () => {
    const bench = uplinkBench({ nodeEndpoint: ENDPOINT, negotiated: true });
    bench.client.put(NODES, { metadata: { name: "edge-1" }, status });
    await bench.ask("patch", "null/nodepatch/edge-1", { status: { conditions: [] } });
    expect(bench.client.calls).toHaveLength(1);
  });
});
