// SPDX-License-Identifier: Apache-2.0
import { BUSYBOX_IMAGE } from "../cluster/images.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface PodWish {
  readonly namespace: string;
  readonly name: string;
  /** Run by `sh -c`. */
  readonly script: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** More fields of the container, and of the pod's spec. */
  readonly container?: Fields;
  readonly spec?: Fields;
  /** Containers beside the one named main: their names and scripts. */
  readonly sidecars?: Readonly<Record<string, string>>;
}

const EDGE = { "node-role.kubernetes.io/edge": "" };

/** Sleeps until it is told to end, at once then. */
export const SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done";

const containerOf = (name: string, script: string): Fields => ({
  name,
  image: BUSYBOX_IMAGE,
  imagePullPolicy: "IfNotPresent",
  command: ["/bin/sh", "-c", script],
});

const podSpec = ({ script, container, spec, sidecars }: PodWish): Fields => ({
  nodeSelector: EDGE,
  automountServiceAccountToken: false,
  terminationGracePeriodSeconds: 5,
  ...spec,
  containers: [
    { ...containerOf("main", script), ...container },
    ...Object.entries(sidecars ?? {}).map(([name, text]) => containerOf(name, text)),
  ],
});

/** A pod on the edge node, as JSON for kubectl. */
export const pod = (wish: PodWish): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: wish.name, namespace: wish.namespace, labels: wish.labels ?? {} },
    spec: podSpec(wish),
  });

/** A Deployment of such pods, labelled app=<name>. */
export const deployment = (wish: PodWish & { readonly replicas: number }): string => {
  const labels = { app: wish.name };
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: wish.name, namespace: wish.namespace },
    spec: {
      replicas: wish.replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(wish) },
    },
  });
};

export const configMap = (namespace: string, name: string, data: Readonly<Record<string, string>>): string =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data });

export const secret = (
  namespace: string,
  name: string,
  stringData: Readonly<Record<string, string>>,
): string => JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, stringData });

export interface DeviceWish {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly configData?: Fields;
  /** of the property target */
  readonly desired?: string;
  readonly reportToCloud?: boolean;
}

const MODEL = "thermometer";

/** The model of such devices. */
export const deviceModel = (namespace: string): string =>
  JSON.stringify({
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "DeviceModel",
    metadata: { name: MODEL, namespace },
    spec: {
      protocol: "virtual",
      properties: [
        { name: "temperature", type: "FLOAT", accessMode: "ReadOnly" },
        { name: "target", type: "FLOAT", accessMode: "ReadWrite", minimum: "-20", maximum: "90" },
      ],
    },
  });

/** A virtual thermometer, served by the mapper of the environment. */
export const device = (wish: DeviceWish): string => {
  const cycles = { collectCycle: 200, reportCycle: 500, reportToCloud: wish.reportToCloud ?? true };
  const visitors = { protocolName: "virtual", configData: {} };
  return JSON.stringify({
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "Device",
    metadata: { name: wish.name, namespace: wish.namespace },
    spec: {
      deviceModelRef: { name: MODEL },
      nodeName: wish.node,
      protocol: { protocolName: "virtual", configData: wish.configData ?? {} },
      stateReport: { reportToCloud: true, reportCycle: 1000 },
      properties: [
        { name: "temperature", ...cycles, visitors },
        { name: "target", ...cycles, visitors, desired: { value: wish.desired ?? "20" } },
      ],
    },
  });
};
