// SPDX-License-Identifier: Apache-2.0

/** A kind that runs pods. */
export interface Workload {
  readonly group: string;
  readonly kind: string;
  /** Where the pod is: what has the pod's metadata and spec. Empty when the object is the pod. */
  readonly template: readonly string[];
  /** Whether `spec.replicas` says how many pods it has. */
  readonly hasReplicas: boolean;
  /** Characters that a name may have. Source: the API server's validation; names become labels of pods. */
  readonly maxName: number;
}

const TEMPLATE = ["spec", "template"];
/** Names of objects are DNS subdomains. */
export const MAX_NAME = 253;

const WORKLOADS: readonly Workload[] = [
  { group: "apps", kind: "Deployment", template: TEMPLATE, hasReplicas: true, maxName: MAX_NAME },
  // Its pods' label controller-revision-hash is the name, a dash and ten characters.
  { group: "apps", kind: "StatefulSet", template: TEMPLATE, hasReplicas: true, maxName: 52 },
  { group: "apps", kind: "DaemonSet", template: TEMPLATE, hasReplicas: false, maxName: MAX_NAME },
  { group: "apps", kind: "ReplicaSet", template: TEMPLATE, hasReplicas: true, maxName: MAX_NAME },
  { group: "batch", kind: "Job", template: TEMPLATE, hasReplicas: false, maxName: 63 },
  {
    group: "batch",
    kind: "CronJob",
    template: ["spec", "jobTemplate", ...TEMPLATE],
    hasReplicas: false,
    maxName: 52,
  },
  { group: "", kind: "Pod", template: [], hasReplicas: false, maxName: MAX_NAME },
];

const BY_KIND: ReadonlyMap<string, Workload> = new Map(
  WORKLOADS.map((one) => [`${one.group}/${one.kind}`, one]),
);

/** The group of an apiVersion; empty for the core group. */
export const groupOf = (apiVersion: string): string => {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
};

/** What is known of a kind that runs pods; undefined for other kinds. */
export const workloadOf = (apiVersion: string, kind: string): Workload | undefined =>
  BY_KIND.get(`${groupOf(apiVersion)}/${kind}`);

/** Kinds of Kubernetes and of ours that no namespace holds. Others are found by discovery when they are applied. */
const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  "/Namespace",
  "/Node",
  "/PersistentVolume",
  "admissionregistration.k8s.io/MutatingAdmissionPolicy",
  "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding",
  "admissionregistration.k8s.io/MutatingWebhookConfiguration",
  "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
  "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
  "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
  "apiextensions.k8s.io/CustomResourceDefinition",
  "apiregistration.k8s.io/APIService",
  "apps.kubeedge.io/NodeGroup",
  "certificates.k8s.io/CertificateSigningRequest",
  "certificates.k8s.io/ClusterTrustBundle",
  "flowcontrol.apiserver.k8s.io/FlowSchema",
  "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration",
  "networking.k8s.io/IngressClass",
  "networking.k8s.io/IPAddress",
  "networking.k8s.io/ServiceCIDR",
  "node.k8s.io/RuntimeClass",
  "operations.kubeedge.io/ConfigUpdateJob",
  "operations.kubeedge.io/ImagePrePullJob",
  "operations.kubeedge.io/NodeUpgradeJob",
  "rbac.authorization.k8s.io/ClusterRole",
  "rbac.authorization.k8s.io/ClusterRoleBinding",
  "reliablesyncs.kubeedge.io/ClusterObjectSync",
  "resource.k8s.io/DeviceClass",
  "resource.k8s.io/ResourceSlice",
  "scheduling.k8s.io/PriorityClass",
  "storage.k8s.io/CSIDriver",
  "storage.k8s.io/CSINode",
  "storage.k8s.io/StorageClass",
  "storage.k8s.io/VolumeAttachment",
  "storage.k8s.io/VolumeAttributesClass",
]);

export const isClusterScoped = (apiVersion: string, kind: string): boolean =>
  CLUSTER_SCOPED.has(`${groupOf(apiVersion)}/${kind}`);

/** Kubernetes' own objects, which nobody controls: an application would take them, and they would go with it. */
export function isKubernetesOwn(
  { apiVersion, kind, name }: Readonly<Record<"apiVersion" | "kind" | "name", string>>,
  namespace: string,
): boolean {
  if (apiVersion !== "v1") return false;
  if (kind === "ConfigMap") return name === "kube-root-ca.crt";
  return kind === "Service" && namespace === "default" && name === "kubernetes";
}
