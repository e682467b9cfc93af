// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { grants } from "../src/index.ts";

const podWith = (spec: object, metadata: object = {}) => ({
  metadata: { name: "p", namespace: "shop", ...metadata },
  spec: { serviceAccountName: "sa", ...spec },
});
const volume = (source: object) => podWith({ volumes: [{ name: "v", ...source }] });
const names = (pod: unknown) =>
  grants(pod)
    .filter(({ kind }) => kind !== "serviceaccount")
    .map(({ kind, name }) => `${kind}/${name}`);

describe("grants", () => {
  it.each([
    ["a ConfigMap volume", volume({ configMap: { name: "a" } }), ["configmap/a"]],
    ["a Secret volume", volume({ secret: { secretName: "a" } }), ["secret/a"]],
    [
      "a projected volume",
      volume({
        projected: {
          sources: [
            { configMap: { name: "a" } },
            { secret: { name: "b" } },
            { serviceAccountToken: { path: "t" } },
          ],
        },
      }),
      ["configmap/a", "secret/b"],
    ],
    ["a claim", volume({ persistentVolumeClaim: { claimName: "a" } }), ["persistentvolumeclaim/a"]],
    ["an ephemeral claim", volume({ ephemeral: { volumeClaimTemplate: {} } }), ["persistentvolumeclaim/p-v"]],
    ["a CSI volume", volume({ csi: { nodePublishSecretRef: { name: "a" } } }), ["secret/a"]],
    ["an iSCSI volume", volume({ iscsi: { secretRef: { name: "a" } } }), ["secret/a"]],
    ["an Azure volume", volume({ azureFile: { secretName: "a" } }), ["secret/a"]],
    ["a pull secret", podWith({ imagePullSecrets: [{ name: "a" }, {}] }), ["secret/a"]],
    ["an emptyDir", volume({ emptyDir: {} }), []],
  ])("come from %s", (_what, pod, want) => {
    expect(names(pod)).toEqual(want);
  });

  it.each(["containers", "initContainers", "ephemeralContainers"])(
    "come from env and envFrom of %s",
    (field) => {
      const container = {
        env: [
          { name: "A", value: "1" },
          { name: "B", valueFrom: { configMapKeyRef: { name: "a" } } },
          { name: "C", valueFrom: { secretKeyRef: { name: "b" } } },
          { name: "D", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        ],
        envFrom: [{ configMapRef: { name: "c" } }, { secretRef: { name: "d" } }],
      };
      expect(names(podWith({ [field]: [container] }))).toEqual([
        "configmap/a",
        "secret/b",
        "configmap/c",
        "secret/d",
      ]);
    },
  );

  it("are in the pod's namespace and each there once", () => {
    const pod = podWith({
      volumes: [{ secret: { secretName: "a" } }, { secret: { secretName: "a" } }],
      imagePullSecrets: [{ name: "a" }],
    });
    expect(grants(pod)).toEqual([
      { kind: "serviceaccount", namespace: "shop", name: "sa" },
      { kind: "secret", namespace: "shop", name: "a" },
    ]);
  });

  it("name the default ServiceAccount when none is set, and none for a mirror pod", () => {
    expect(grants(podWith({ serviceAccountName: "" }))).toEqual([
      { kind: "serviceaccount", namespace: "shop", name: "default" },
    ]);
    const mirror = podWith(
      { serviceAccountName: "" },
      { annotations: { "kubernetes.io/config.mirror": "x" } },
    );
    expect(grants(mirror)).toEqual([]);
  });

  it.each([
    null,
    undefined,
    1,
    "x",
    [],
    {},
    { spec: null },
    { metadata: 1, spec: { volumes: {}, containers: [null, 7] } },
  ])("S4 are total: %j", (pod) => {
    expect(() => grants(pod)).not.toThrow();
  });

  it("S16 never throw, whatever the pod", () => {
    fc.assert(fc.property(fc.anything(), (spec) => void grants({ metadata: {}, spec })));
    fc.assert(
      fc.property(
        fc.anything(),
        (part) => void grants({ spec: { volumes: part, containers: [{ env: part }] } }),
      ),
    );
  });
});
