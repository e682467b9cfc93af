// SPDX-License-Identifier: Apache-2.0
import { unknownDevices } from "../src/device-model/devices.ts";
import { unknownModels } from "../src/device/models.ts";
import { unknownPlaces } from "../src/edge-application/lookups.ts";
import { unknownNodes } from "../src/node-group/nodes.ts";
import { unknownRules } from "../src/rule/lookups.ts";
import { admissionRules } from "../src/rules.ts";
import type { AdmissionRule } from "../src/server.ts";

/** Nothing can be looked up. */
export const unknown = {
  models: unknownModels,
  devices: unknownDevices,
  rules: unknownRules,
  applications: unknownPlaces,
  groupNodes: unknownNodes,
};

/** Every path that reviews are taken at. */
export const everyRule = (isStrict = false): readonly AdmissionRule[] =>
  admissionRules({ ...unknown, isStrict });

/** A spec of each kind that is admitted, by path. */
export const GOOD_SPECS: Readonly<Record<string, object>> = {
  "/devices": { deviceModelRef: { name: "m" }, properties: [{ name: "a" }] },
  "/devicemodels": { properties: [{ name: "a", type: "INT" }] },
  "/nodeupgradejobs": { version: "v1.23.0", nodeNames: ["n"] },
  "/imageprepulljobs": { imagePrePullTemplate: { images: ["busybox:1.36"], nodeNames: ["n"] } },
  "/configupdatejobs": { nodeNames: ["n"], updateFields: { "modules.edgeStream.enable": "true" } },
  "/rules": {
    ...{ source: "s", sourceResource: { path: "/ccc" } },
    ...{ target: "t", targetResource: { topic: "topic-test" } },
  },
  "/ruleendpoints": { ruleEndpointType: "servicebus", properties: { service_port: "9000" } },
  "/nodegroups": { nodeTemplate: { labels: { tier: "edge" } } },
  "/edgeapplications": { workloadScope: { targetNodeGroups: [{ name: "hangzhou" }] } },
  "/offlinemigration": { containers: [{ name: "app", image: "busybox" }] },
};

const VERSIONS: Readonly<Record<string, string>> = {
  "devices.kubeedge.io": "v1beta1",
  "operations.kubeedge.io": "v1alpha2",
  "apps.kubeedge.io": "v1alpha1",
};

/** A review of a rule's own kind, as the API server makes it. */
export const reviewFor = ({ group, kind }: AdmissionRule, object: unknown, change: object = {}) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "1",
    operation: "CREATE",
    kind: { group, version: VERSIONS[group] ?? "v1", kind },
    namespace: "default",
    name: "one",
    object,
    ...change,
  },
});
