// SPDX-License-Identifier: Apache-2.0

/** One object that a pod's node may read because of the pod. */
export interface Grant {
  readonly kind: "configmap" | "secret" | "serviceaccount" | "persistentvolumeclaim";
  readonly namespace: string;
  readonly name: string;
}

type Kind = Grant["kind"];
type Add = (kind: Kind, name: unknown) => void;
type Fields = Readonly<Record<string, unknown>>;

/**
 * Everything that the node of a pod must be granted: ConfigMaps, Secrets, the ServiceAccount and claims, from
 * volumes, projections, environment and pull secrets of all kinds of containers. Each once, in order of
 * appearance. Pure and total: what is missing or of a wrong type refers to nothing.
 */
export function grants(pod: unknown): Grant[] {
  const namespace = asText(at(pod, "metadata", "namespace")) ?? "default";
  const found = new Map<string, Grant>();
  const add: Add = (kind, name) => {
    if (typeof name !== "string" || name === "") return;
    found.set(`${kind}/${name}`, { kind, namespace, name });
  };
  const spec = at(pod, "spec");
  addServiceAccount(pod, spec, add);
  for (const reference of list(at(spec, "imagePullSecrets"))) add("secret", at(reference, "name"));
  for (const volume of list(at(spec, "volumes"))) addVolume(volume, at(pod, "metadata", "name"), add);
  for (const field of ["initContainers", "containers", "ephemeralContainers"])
    for (const container of list(at(spec, field))) addContainer(container, add);
  return [...found.values()];
}

/** A mirror pod runs without an account; every other pod without one uses `default`. */
function addServiceAccount(pod: unknown, spec: unknown, add: Add): void {
  const name = asText(at(spec, "serviceAccountName")) ?? asText(at(spec, "serviceAccount"));
  const isMirror = at(pod, "metadata", "annotations", "kubernetes.io/config.mirror") !== undefined;
  if (name !== undefined) add("serviceaccount", name);
  else if (spec !== undefined && !isMirror) add("serviceaccount", "default");
}

/** Volume sources whose secret is `<source>.<field>.name`; a reference to another namespace grants nothing. */
const SECRET_REFERENCES: readonly (readonly [source: string, field: string])[] = [
  ["csi", "nodePublishSecretRef"],
  ["rbd", "secretRef"],
  ["cephfs", "secretRef"],
  ["cinder", "secretRef"],
  ["flexVolume", "secretRef"],
  ["iscsi", "secretRef"],
  ["scaleIO", "secretRef"],
  ["storageos", "secretRef"],
];

function addVolume(volume: unknown, podName: unknown, add: Add): void {
  add("configmap", at(volume, "configMap", "name"));
  add("secret", at(volume, "secret", "secretName"));
  add("secret", at(volume, "azureFile", "secretName"));
  add("persistentvolumeclaim", at(volume, "persistentVolumeClaim", "claimName"));
  if (at(volume, "ephemeral") !== undefined)
    add("persistentvolumeclaim", ephemeralClaim(podName, at(volume, "name")));
  for (const [source, field] of SECRET_REFERENCES) add("secret", at(volume, source, field, "name"));
  for (const part of list(at(volume, "projected", "sources"))) {
    add("configmap", at(part, "configMap", "name"));
    add("secret", at(part, "secret", "name"));
  }
}

const ephemeralClaim = (pod: unknown, volume: unknown): string | undefined =>
  typeof pod === "string" && typeof volume === "string" ? `${pod}-${volume}` : undefined;

function addContainer(container: unknown, add: Add): void {
  for (const variable of list(at(container, "env"))) {
    add("configmap", at(variable, "valueFrom", "configMapKeyRef", "name"));
    add("secret", at(variable, "valueFrom", "secretKeyRef", "name"));
  }
  for (const source of list(at(container, "envFrom"))) {
    add("configmap", at(source, "configMapRef", "name"));
    add("secret", at(source, "secretRef", "name"));
  }
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const field of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.hasOwn(current, field) ? (current as Fields)[field] : undefined;
  }
  return current ?? undefined;
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const asText = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
