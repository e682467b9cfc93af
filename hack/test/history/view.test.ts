// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { contentOf, differences, type CloudView, type EdgeView } from "../../e2e/history/view.ts";

const PAGE = { uid: "c", content: { data: { text: "2" } } };
const cloud: CloudView = {
  objects: new Map([["configmap/ns/page", PAGE]]),
  pods: [
    {
      ...{ key: "pod/ns/a", uid: "p", isRunning: true, containerId: "1" },
      files: new Map([["kubernetes.io~configmap/page/text", "2"]]),
    },
  ],
  devices: [{ key: "device/ns/d", desired: "20.50", observed: "20.50", reported: "20.5" }],
};
const edge: EdgeView = {
  objects: new Map([["configmap/ns/page", { uid: "c", content: { data: { text: "2" } } }]]),
  running: new Map([["p", ["1"]]]),
  fileOf: (uid, path) => (uid === "p" && path === "kubernetes.io~configmap/page/text" ? "2" : undefined),
  set: new Map([["device/ns/d", "20.5"]]),
};
const pod = cloud.pods[0]!;
const device = cloud.devices[0]!;

describe("an edge and its cloud", () => {
  it("have converged when objects, containers, files and devices are the same", () => {
    expect(differences(cloud, edge)).toEqual([]);
  });

  it.each<[string, Partial<CloudView>, Partial<EdgeView>]>([
    ["configmap/ns/page is not at the edge", {}, { objects: new Map() }],
    ["configmap/ns/page is still at the edge", { objects: new Map() }, {}],
    [
      "configmap/ns/page has uid b at the edge, not c",
      {},
      { objects: new Map([["configmap/ns/page", { ...PAGE, uid: "b" }]]) },
    ],
    [
      "configmap/ns/page differs at the edge at .data.text",
      {},
      { objects: new Map([["configmap/ns/page", { uid: "c", content: { data: { text: "1" } } }]]) },
    ],
    ["pod/ns/a is not Running and Ready", { pods: [{ ...pod, isRunning: false }] }, {}],
    ["pod/ns/a says container 1, the runtime runs []", {}, { running: new Map() }],
    ["pod/ns/a says container 1, the runtime runs [2]", {}, { running: new Map([["p", ["2"]]]) }],
    ["pod/ns/a says container 1, the runtime runs [1 2]", {}, { running: new Map([["p", ["1", "2"]]]) }],
    ["pod/ns/a does not have the newest kubernetes.io~configmap/page/text", {}, { fileOf: () => "1" }],
    ["a container of pod p runs on, and nobody wants it", { pods: [] }, {}],
    [
      "device/ns/d: wanted is 20.50, observed is nothing",
      { devices: [{ ...device, observed: undefined }] },
      {},
    ],
    ["device/ns/d: wanted is 20.50, reported is 20", { devices: [{ ...device, reported: "20" }] }, {}],
    ["device/ns/d: wanted is 20.50, set at the device is nothing", {}, { set: new Map() }],
  ])("have not when %s", (difference, clouds, edges) => {
    expect(differences({ ...cloud, ...clouds }, { ...edge, ...edges })).toEqual([difference]);
  });

  it("are compared without status, managed fields, generation and resourceVersion", () => {
    const metadata = { name: "a", labels: { app: "a" } };
    const read = {
      metadata: { ...metadata, resourceVersion: "9", generation: 2, managedFields: [] },
      spec: { x: 1 },
      status: {},
    };
    expect(contentOf({ apiVersion: "v1", kind: "Pod", ...read })).toEqual({ metadata, spec: { x: 1 } });
  });
});
