// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { podOf } from "../fakes.ts";
import type { Container } from "../../../src/pods/model/container.ts";
import { referencesOf } from "../../../src/pods/cloud/references.ts";

const c: Container = { name: "c", image: "busybox" };

describe("references of a pod", () => {
  it("find every ConfigMap and Secret that a pod uses", () => {
    const pod = podOf("p", {
      containers: [
        {
          ...c,
          envFrom: [{ configMapRef: { name: "a" } }],
          env: [{ name: "X", valueFrom: { secretKeyRef: { name: "b", key: "k" } } }],
        },
      ],
      ephemeralContainers: [{ ...c, name: "look", envFrom: [{ secretRef: { name: "g" } }] }],
      volumes: [
        { name: "v", secret: { secretName: "d" } },
        { name: "w", projected: { sources: [{ configMap: { name: "e" } }] } },
      ],
      imagePullSecrets: [{ name: "f" }],
    });
    expect([...referencesOf(pod)].sort()).toEqual([
      "configmap/a",
      "configmap/e",
      "secret/b",
      "secret/d",
      "secret/f",
      "secret/g",
    ]);
  });
});
