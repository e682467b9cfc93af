// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { reduceEndpoints, serviceNameOf } from "../../src/apps/v1alpha1/index.ts";
import { frozen } from "./build.ts";

const RANGE = { "apps.kubeedge.io/service-topology": "range-nodegroup" };
const GROUPS: Readonly<Record<string, string | null>> = {
  h1: "hangzhou",
  h2: "hangzhou",
  b1: "beijing",
  gone: null,
  away: null,
};
const groupOf = (node: string): string | null | undefined => GROUPS[node];

const address = (ip: string, nodeName?: string) => ({ ip, ...(nodeName !== undefined && { nodeName }) });
const endpoints = frozen({
  kind: "Endpoints",
  metadata: { name: "web" },
  subsets: [
    {
      addresses: [
        address("1", "h1"),
        address("2", "h2"),
        address("3", "b1"),
        address("4"),
        address("5", "free"),
      ],
      notReadyAddresses: [address("6", "b1"), address("7", "gone")],
      ports: [{ port: 80 }],
    },
    { addresses: [address("8", "b1")], ports: [{ port: 81 }] },
  ],
});
const slice = frozen({
  kind: "EndpointSlice",
  metadata: { name: "web-x1", labels: { "kubernetes.io/service-name": "web" } },
  ports: [{ port: 80 }],
  endpoints: ["h1", "h2", "b1", "free", "gone", undefined].map((nodeName, index) => ({
    addresses: [String(index + 1)],
    ...(nodeName !== undefined && { nodeName }),
  })),
});

const ipsOf = (object: typeof endpoints): unknown =>
  object.subsets.map(
    ({
      addresses,
      notReadyAddresses,
    }: {
      addresses?: { ip: string }[];
      notReadyAddresses?: { ip: string }[];
    }) => [addresses?.map(({ ip }) => ip), notReadyAddresses?.map(({ ip }) => ip)],
  );

describe("what a node sees of a Service for its group", () => {
  it.each([
    ["h1", "of its group", [[["1", "2"], undefined]]],
    [
      "b1",
      "of its group, ready or not",
      [
        [["3"], ["6"]],
        [["8"], undefined],
      ],
    ],
    ["free", "of nodes without group, having none itself", [[["5"], undefined]]],
    ["other", "of nodes without group, having none itself", [[["5"], undefined]]],
    ["away", "on no other node that is not known, either", []],
    ["gone", "of itself only, when it is not known", [[undefined, ["7"]]]],
  ])("A22 Endpoints for %s are those %s", (node, _which, want) => {
    expect(ipsOf(reduceEndpoints(endpoints, RANGE, node, groupOf))).toEqual(want);
  });

  it.each([
    ["h1", ["1", "2"]],
    ["b1", ["3"]],
    ["free", ["4"]],
    ["gone", ["5"]],
  ])("A22 an EndpointSlice for %s has %j", (node, want) => {
    const reduced = reduceEndpoints(slice, RANGE, node, groupOf);
    expect(reduced.endpoints.map(({ addresses }) => addresses[0])).toEqual(want);
    expect(reduced.ports).toBe(slice.ports);
  });

  it.each([[undefined], [{}], [{ "apps.kubeedge.io/service-topology": "other" }]])(
    "is everything with annotations %j",
    (annotations) => {
      expect(reduceEndpoints(endpoints, annotations, "h1", groupOf)).toBe(endpoints);
      expect(reduceEndpoints(slice, annotations, "h1", groupOf)).toBe(slice);
    },
  );

  it("is the same object when nothing is left out", () => {
    const all = (): string => "one";
    const whole = frozen({ ...slice, endpoints: slice.endpoints.slice(0, 4) });
    expect(reduceEndpoints(whole, RANGE, "h1", all)).toBe(whole);
    const subsets = frozen({ subsets: [{ addresses: [address("1", "b1")], ports: [] }] });
    expect(reduceEndpoints(subsets, RANGE, "h1", all)).toBe(subsets);
  });

  it("is the same for items of lists, which have no kind", () => {
    const withoutKind = <T extends object>(object: T): T => ({ ...object, kind: undefined });
    expect(reduceEndpoints(withoutKind(slice), RANGE, "b1", groupOf).endpoints).toHaveLength(1);
    expect(reduceEndpoints(withoutKind(endpoints), RANGE, "free", groupOf).subsets).toHaveLength(1);
  });

  it.each([
    [{}],
    [{ kind: "EndpointSlice" }],
    [{ kind: "EndpointSlice", endpoints: null }],
    [{ kind: "Pod", spec: {} }],
    [{ kind: "Endpoints" }],
  ])("leaves %j alone", (object) => {
    expect(reduceEndpoints(object, RANGE, "h1", groupOf)).toBe(object);
  });

  it("asks for the client's group once", () => {
    const asked: string[] = [];
    reduceEndpoints(slice, RANGE, "h1", (node) => {
      asked.push(node);
      return "one";
    });
    expect(asked).toEqual(["h1", "h2", "b1", "free", "gone"]);
  });
});

describe("serviceNameOf", () => {
  it.each<[object, string | undefined]>([
    [endpoints, "web"],
    [slice, "web"],
    [{ kind: "EndpointSlice", metadata: { name: "x" } }, undefined],
    [{ metadata: { name: "web" }, subsets: [] }, "web"],
    [{}, undefined],
  ])("of %j is %s", (object, want) => {
    expect(serviceNameOf(object)).toBe(want);
  });
});
