// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ObjectMeta } from "../../src/runtime/index.ts";

interface Given {
  readonly node?: string;
  readonly model?: string;
  readonly meta?: Partial<ObjectMeta>;
  readonly status?: object;
}

/** A device `ns/<name>`. */
export const device = (name: string, { node, model, meta, status }: Given = {}): KubeObject & object => ({
  metadata: { name, namespace: "ns", uid: `uid-${name}`, resourceVersion: "1", generation: 1, ...meta },
  ...{
    spec: {
      ...(node === undefined ? {} : { nodeName: node }),
      ...(model === undefined ? {} : { deviceModelRef: { name: model } }),
      properties: [{ name: "temperature", desired: { value: "20" } }],
      protocol: { protocolName: "modbus" },
    },
    ...(status === undefined ? {} : { status }),
  },
});

export const model = (name: string, namespace = "ns"): KubeObject => ({
  metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: "1" },
});
