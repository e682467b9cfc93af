// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationOverriders } from "../../src/apps/v1alpha1/index.ts";
import {
  renderShared,
  renderTarget,
  type ChildObject,
  type Owner,
  type Rendered,
  type RenderedSpec,
  type Target,
} from "../../src/apps/v1alpha1/index.ts";

export type Any = Record<string, unknown>;

export const owner: Owner = { name: "nginx-app", namespace: "default", uid: "0b8e-1" };

export const PODS_LABELS = { app: "nginx" };

/** A pod with a container of each sort. */
export const podSpec = (): Any => ({
  containers: [
    {
      name: "nginx",
      image: "docker.io/library/nginx:1.25",
      command: ["nginx"],
      args: ["-g", "daemon off;", "-q"],
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "2" },
        { name: "C", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ],
    },
    {
      name: "sidecar",
      image: "localhost:5000/sidecar",
      resources: { requests: { cpu: "1", memory: "1Gi" } },
    },
  ],
  initContainers: [{ name: "setup", image: "busybox:1" }],
});

const template = (): Any => ({ metadata: { labels: PODS_LABELS }, spec: podSpec() });
const selector = { matchLabels: PODS_LABELS };
const named = { name: "nginx" };

/** A manifest of each kind that is copied, and where its pod is. */
export const WORKLOADS: Readonly<Record<string, { manifest: () => Any; path: readonly string[] }>> = {
  Deployment: {
    manifest: () => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: named,
      spec: { selector, template: template() },
    }),
    path: ["spec", "template"],
  },
  StatefulSet: {
    manifest: () => ({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: named,
      spec: { serviceName: "nginx", selector, template: template() },
    }),
    path: ["spec", "template"],
  },
  DaemonSet: {
    manifest: () => ({
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: named,
      spec: { selector, template: template() },
    }),
    path: ["spec", "template"],
  },
  ReplicaSet: {
    manifest: () => ({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: named,
      spec: { selector, template: template() },
    }),
    path: ["spec", "template"],
  },
  Job: {
    manifest: () => ({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: named,
      spec: { template: once(template()) },
    }),
    path: ["spec", "template"],
  },
  CronJob: {
    manifest: () => ({
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: named,
      spec: { schedule: "* * * * *", jobTemplate: { spec: { template: once(template()) } } },
    }),
    path: ["spec", "jobTemplate", "spec", "template"],
  },
  Pod: {
    manifest: () => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...named, labels: PODS_LABELS },
      spec: podSpec(),
    }),
    path: [],
  },
};

const once = (pod: Any): Any => ({ ...pod, spec: { ...(pod["spec"] as Any), restartPolicy: "Never" } });

export const KINDS = Object.keys(WORKLOADS);

export const manifestOf = (kind: string): Any => (WORKLOADS[kind] ?? missing(kind)).manifest();

export function at(root: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Any | undefined)?.[key], root);
}

export const podOf = (object: ChildObject): Any =>
  at(object, WORKLOADS[object.kind]?.path ?? missing(object.kind)) as Any;
export const specOf = (object: ChildObject): Any => podOf(object)["spec"] as Any;
export const containersOf = (object: ChildObject): Any[] => specOf(object)["containers"] as Any[];

function missing(what: string): never {
  throw new Error(`no ${what}`);
}

export const group = (overriders: EdgeApplicationOverriders = {}, name = "hangzhou"): Target => ({
  name,
  group: name,
  overriders,
});

export const specWith = (manifests: readonly unknown[], rest: Partial<RenderedSpec> = {}): RenderedSpec => ({
  workloadScope: {},
  workloadTemplate: { manifests: manifests as Any[] },
  ...rest,
});

/** Renders manifests that nobody may change while doing so. */
export function render(
  manifests: readonly unknown[],
  target: Target = group(),
  rest: Partial<RenderedSpec> = {},
): Rendered {
  return renderTarget(frozen({ owner, spec: specWith(manifests, rest), target }));
}

/** The only child, without faults. */
export function renderOne(manifest: unknown, target: Target = group()): ChildObject {
  const { children, faults } = render([manifest], target);
  const [child] = children;
  if (faults.length > 0 || child === undefined || children.length > 1)
    missing(`single child: ${JSON.stringify(faults)}`);
  return child.object;
}

export const faultsOf = (manifest: unknown, target: Target = group()): string[] =>
  render([manifest], target).faults.map(({ message }) => message);

export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

/** A manifest with more metadata. */
export const withMetadata = (kind: string, metadata: object): Any => {
  const manifest = manifestOf(kind);
  return { ...manifest, metadata: { ...(manifest["metadata"] as Any), ...metadata } };
};
/** What of one manifest exists once. */
export const shared = (manifest: unknown): Rendered =>
  renderShared(frozen({ owner, spec: specWith([manifest]) }));
export const service: Any = { apiVersion: "v1", kind: "Service", metadata: { name: "web" }, spec: {} };
