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
}

const EDGE = { "node-role.kubernetes.io/edge": "" };

/** Sleeps until it is told to end, at once then. */
export const SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done";

const podSpec = ({ script, container, spec }: Pick<PodWish, "script" | "container" | "spec">): Fields => ({
  nodeSelector: EDGE,
  automountServiceAccountToken: false,
  terminationGracePeriodSeconds: 5,
  ...spec,
  containers: [
    {
      name: "main",
      image: BUSYBOX_IMAGE,
      imagePullPolicy: "IfNotPresent",
      command: ["/bin/sh", "-c", script],
      ...container,
    },
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
