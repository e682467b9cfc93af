// SPDX-License-Identifier: Apache-2.0
import { kinds, type Kind } from "@longshore/crds/kinds";
import type { Resource } from "../../runtime/client.ts";

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: "",
  version: "v1",
  plural,
  kind,
  namespaced,
});

export const NODES = core("nodes", "Node", false);
export const PODS = core("pods", "Pod");
export const EVENTS = core("events", "Event");
export const CONFIG_MAPS = core("configmaps", "ConfigMap");
export const SECRETS = core("secrets", "Secret");
export const SERVICE_ACCOUNTS = core("serviceaccounts", "ServiceAccount");
export const CLAIMS = core("persistentvolumeclaims", "PersistentVolumeClaim");
export const VOLUMES = core("persistentvolumes", "PersistentVolume", false);
export const ATTACHMENTS: Resource = {
  group: "storage.k8s.io",
  version: "v1",
  plural: "volumeattachments",
  kind: "VolumeAttachment",
  namespaced: false,
};
export const LEASES: Resource = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};

const ours = ({ group, version, plural, kind, namespaced }: Kind): Resource => ({
  ...{ group, version, plural, kind, namespaced },
});

export const DEVICES = ours(kinds.Device);
export const DEVICE_STATUSES = ours(kinds.DeviceStatus);
