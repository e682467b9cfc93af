// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "../../src/runtime/index.ts";

export interface Pod extends KubeObject {
  readonly spec: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

/** A pod bound to `node` that mounts and reads the given ConfigMaps and Secrets. */
export function pod(
  name: string,
  node: string,
  { configMaps = [], secrets = [] }: { configMaps?: string[]; secrets?: string[] } = {},
): Pod {
  return {
    metadata: { name, namespace: "ns", uid: `uid-${name}`, resourceVersion: "1" },
    spec: {
      nodeName: node,
      automountServiceAccountToken: false,
      containers: [
        { name: "main", image: "busybox", envFrom: secrets.map((s) => ({ secretRef: { name: s } })) },
      ],
      volumes: configMaps.map((c, i) => ({ name: `v${i}`, configMap: { name: c } })),
    },
  };
}

export const object = (name: string, namespace?: string, resourceVersion = "1"): KubeObject => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion, ...(namespace === undefined ? {} : { namespace }) },
});
