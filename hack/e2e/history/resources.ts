// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, Resource } from "@longshore/operators/runtime";
import type { DeviceStatusObject, NodeObject, PodObject } from "../../cluster/objects.ts";

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  ...{ group: "", version: "v1", plural, kind, namespaced },
});
const devices = (plural: string, kind: string): Resource => ({
  ...{ group: "devices.kubeedge.io", version: "v1beta1", plural, kind, namespaced: true },
});

export const NODES = core("nodes", "Node", false);
export const PODS = core("pods", "Pod");
export const CONFIG_MAPS = core("configmaps", "ConfigMap");
export const SECRETS = core("secrets", "Secret");
export const DEVICES = devices("devices", "Device");
export const DEVICE_MODELS = devices("devicemodels", "DeviceModel");
export const DEVICE_STATUSES = devices("devicestatuses", "DeviceStatus");

export interface VolumeRead {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
}

export type NodeRead = KubeObject & NodeObject;
export type PodRead = KubeObject &
  PodObject & { readonly spec: { readonly volumes?: readonly VolumeRead[] } };
export type DataRead = KubeObject & { readonly data?: Readonly<Record<string, string>> };
export type DeviceStatusRead = KubeObject & DeviceStatusObject;
export type DeviceRead = KubeObject & {
  readonly spec: {
    readonly nodeName?: string;
    readonly deviceModelRef?: { readonly name: string };
    readonly properties?: readonly { readonly name: string; readonly desired?: { readonly value: string } }[];
  };
};
