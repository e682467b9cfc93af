// SPDX-License-Identifier: Apache-2.0
import { grants } from "@longshore/crds";
import { isNotFound, type Client, type KubeObject, type Resource } from "@longshore/operators/runtime";
import { conditionOf } from "../../cluster/objects.ts";
import {
  CONFIG_MAPS,
  DEVICE_MODELS,
  DEVICE_STATUSES,
  DEVICES,
  NODES,
  PODS,
  SECRETS,
  type DataRead,
  type DeviceRead,
  type DeviceStatusRead,
  type NodeRead,
  type PodRead,
  type VolumeRead,
} from "./resources.ts";
import { contentOf, type CloudDevice, type CloudPod, type CloudView, type ViewedObject } from "./view.ts";

/** Property of a device whose desired value is followed. */
const PROPERTY = "target";
const DATA: Readonly<Record<string, Resource>> = { configmap: CONFIG_MAPS, secret: SECRETS };

/** Reads everything that concerns one node from the API server, consistently. */
export async function readCloud(client: Client, node: string): Promise<CloudView> {
  const all = new Map<string, KubeObject>();
  const own = await client.get<NodeRead>(NODES, { name: node });
  all.set(`node/${own.metadata.namespace ?? ""}/${node}`, own);
  const { items: pods } = await client.list<PodRead>(PODS, { fieldSelector: `spec.nodeName=${node}` });
  const devices = (await client.list<DeviceRead>(DEVICES)).items.filter(({ spec }) => spec.nodeName === node);
  const hold = async (kind: string, resource: Resource, namespace: string, name: string): Promise<void> => {
    const key = `${kind}/${namespace}/${name}`;
    if (all.has(key)) return;
    const found = await find<KubeObject>(client, resource, namespace, name);
    if (found !== undefined) all.set(key, found);
  };
  for (const pod of pods) {
    all.set(keyOf("pod", pod), pod);
    for (const { kind, namespace, name } of grants(pod)) {
      const resource = DATA[kind];
      if (resource !== undefined) await hold(kind, resource, namespace, name);
    }
  }
  for (const device of devices) {
    all.set(keyOf("device", device), device);
    await hold(
      "devicemodel",
      DEVICE_MODELS,
      device.metadata.namespace ?? "",
      device.spec.deviceModelRef?.name ?? "",
    );
  }
  return {
    objects: new Map([...all].map(([key, object]): [string, ViewedObject] => [key, viewOf(object)])),
    pods: pods.map((pod) => podOf(pod, all)),
    devices: await Promise.all(devices.map((device) => deviceOf(client, device))),
  };
}

const keyOf = (kind: string, { metadata }: KubeObject): string =>
  `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;

const viewOf = (object: KubeObject): ViewedObject => ({
  uid: object.metadata.uid,
  content: contentOf(object),
});

async function find<T extends KubeObject>(
  client: Client,
  resource: Resource,
  namespace: string,
  name: string,
): Promise<T | undefined> {
  try {
    return await client.get<T>(resource, { namespace, name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function podOf(pod: PodRead, all: ReadonlyMap<string, KubeObject>): CloudPod {
  const { metadata, status } = pod;
  return {
    key: keyOf("pod", pod),
    uid: metadata.uid,
    isRunning: status.phase === "Running" && conditionOf(pod, "Ready")?.status === "True",
    containerId: (status.containerStatuses?.[0]?.containerID ?? "").replace(/^\w+:\/\//, ""),
    files: new Map((pod.spec.volumes ?? []).flatMap((volume) => filesOf(volume, metadata.namespace, all))),
  };
}

/** What a volume must show, by the path below the pod's volumes. */
function filesOf(
  { name, configMap, secret }: VolumeRead,
  namespace = "",
  all: ReadonlyMap<string, KubeObject>,
): [path: string, text: string][] {
  const read = (key: string): [string, string][] =>
    Object.entries((all.get(key) as DataRead | undefined)?.data ?? {});
  if (configMap !== undefined)
    return read(`configmap/${namespace}/${configMap.name}`).map(([file, text]) => [
      `kubernetes.io~configmap/${name}/${file}`,
      text,
    ]);
  return read(`secret/${namespace}/${secret?.secretName ?? ""}`).map(([file, text]) => [
    `kubernetes.io~secret/${name}/${file}`,
    Buffer.from(text, "base64").toString(),
  ]);
}

async function deviceOf(client: Client, device: DeviceRead): Promise<CloudDevice> {
  const { namespace = "", name } = device.metadata;
  const report = await find<DeviceStatusRead>(client, DEVICE_STATUSES, namespace, name);
  const twin = report?.status?.twins?.find(({ propertyName }) => propertyName === PROPERTY);
  return {
    key: keyOf("device", device),
    desired: desiredOf(device),
    observed: twin?.observedDesired?.value,
    reported: twin?.reported?.value,
  };
}

const desiredOf = ({ spec }: DeviceRead): string =>
  spec.properties?.find(({ name }) => name === PROPERTY)?.desired?.value ?? "";
