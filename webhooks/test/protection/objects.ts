// SPDX-License-Identifier: Apache-2.0

export const NAMESPACE = "shop";
const BELONGING_TO = "apps.kubeedge.io/belonging-to";
const PROTECTED = { "longshore.io/protected": "true" };

/** An object to make, and where. */
export interface Thing {
  readonly collection: string;
  readonly object: { readonly metadata: { readonly name: string } };
  readonly status?: object;
}

interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface Look {
  /** Node group that it is pinned to. */
  readonly group?: string;
  readonly owner?: Owner;
  readonly labels?: Readonly<Record<string, string>>;
  readonly namespace?: string;
}

const APPS = "/apis/apps.kubeedge.io/v1alpha1";
export const GROUPS = `${APPS}/nodegroups`;
export const NODES = "/api/v1/nodes";
export const applications = (namespace = NAMESPACE): string =>
  `${APPS}/namespaces/${namespace}/edgeapplications`;

const API: Readonly<Record<string, readonly [version: string, plural: string]>> = {
  Pod: ["v1", "pods"],
  Service: ["v1", "services"],
  ConfigMap: ["v1", "configmaps"],
  ReplicationController: ["v1", "replicationcontrollers"],
  Deployment: ["apps/v1", "deployments"],
  StatefulSet: ["apps/v1", "statefulsets"],
  DaemonSet: ["apps/v1", "daemonsets"],
  ReplicaSet: ["apps/v1", "replicasets"],
  Job: ["batch/v1", "jobs"],
  CronJob: ["batch/v1", "cronjobs"],
};

export function collectionOf(kind: string, namespace = NAMESPACE): string {
  const [version, plural] = API[kind] ?? ["", ""];
  return `/${version === "v1" ? "api" : "apis"}/${version}/namespaces/${namespace}/${plural}`;
}

/** An object of a kind, as small as the API server takes it. */
export function thing(kind: string, name: string, { group, owner, labels, namespace }: Look = {}): Thing {
  const metadata = {
    name,
    ...(labels && { labels }),
    ...(owner && { ownerReferences: [{ apiVersion: versionOf(owner.kind), controller: true, ...owner }] }),
  };
  const object = { apiVersion: versionOf(kind), kind, metadata, ...bodyOf(kind, group) };
  return { collection: collectionOf(kind, namespace), object };
}

const versionOf = (kind: string): string =>
  kind === "EdgeApplication" ? "apps.kubeedge.io/v1alpha1" : (API[kind]?.[0] ?? "v1");

function bodyOf(kind: string, group: string | undefined): object {
  const pod = {
    ...(group !== undefined && { nodeSelector: { [BELONGING_TO]: group } }),
    restartPolicy: /Job$/.test(kind) ? "Never" : "Always",
    containers: [{ name: "c", image: "nginx", resources: { requests: { cpu: "2m" } } }],
  };
  const labels = { app: "a" };
  const jobTemplate = { spec: { template: { spec: pod } } };
  const template = { metadata: { labels }, spec: pod };
  if (kind === "ConfigMap") return { data: { key: "value" } };
  if (kind === "Service") return { spec: { ports: [{ port: 80 }] } };
  if (kind === "Pod") return { spec: pod };
  if (kind === "Job") return jobTemplate;
  if (kind === "CronJob") return { spec: { schedule: "* * * * *", jobTemplate } };
  if (kind === "ReplicationController") return { spec: { selector: labels, template } };
  return {
    spec: {
      selector: { matchLabels: labels },
      template,
      ...(kind === "StatefulSet" && { serviceName: "s" }),
    },
  };
}

export interface Guard {
  readonly isProtected?: boolean;
  readonly breakGlass?: { readonly users?: readonly string[]; readonly groups?: readonly string[] };
}

const labelsOf = ({ isProtected = true }: Guard): object => (isProtected ? { labels: PROTECTED } : {});

export const group = (name: string, guard: Guard = {}): Thing => ({
  collection: GROUPS,
  object: {
    apiVersion: "apps.kubeedge.io/v1alpha1",
    kind: "NodeGroup",
    metadata: { name, ...labelsOf(guard) },
    spec: { matchLabels: { site: name }, ...(guard.breakGlass && { breakGlass: guard.breakGlass }) },
  } as Thing["object"],
});

export interface ApplicationLook extends Guard {
  readonly rollout?: object;
  readonly manifests?: readonly object[];
  readonly status?: object;
  readonly namespace?: string;
}

export const application = (name: string, look: ApplicationLook = {}): Thing => ({
  collection: applications(look.namespace),
  object: {
    apiVersion: "apps.kubeedge.io/v1alpha1",
    kind: "EdgeApplication",
    metadata: { name, ...labelsOf(look) },
    spec: {
      workloadScope: { targetNodeGroups: [{ name: "cdn-a" }] },
      workloadTemplate: { manifests: look.manifests ?? [] },
      ...(look.breakGlass && { breakGlass: look.breakGlass }),
      ...(look.rollout && { rollout: look.rollout }),
    },
  } as Thing["object"],
  ...(look.status && { status: look.status }),
});

/** A status that names children, as `Kind/name`. */
export const statusOf = (...children: readonly string[]): { readonly workloadStatus: readonly object[] } => ({
  workloadStatus: children.map((child, ordinal) => {
    const [kind = "", name = ""] = child.split("/");
    return { identifier: { ordinal, kind, name }, conditions: "Available" };
  }),
});

export const node = (name: string, labels: Readonly<Record<string, string>>): Thing => ({
  collection: NODES,
  object: { apiVersion: "v1", kind: "Node", metadata: { name, labels } } as Thing["object"],
});
