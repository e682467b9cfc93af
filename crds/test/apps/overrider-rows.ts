// SPDX-License-Identifier: Apache-2.0
import type { ChildObject, EdgeApplicationOverriders } from "../../src/apps/v1alpha1/index.ts";
import { at, containersOf, KINDS, PODS_LABELS, specOf, WORKLOADS, type Any } from "./build.ts";

export interface Row {
  readonly what: string;
  readonly overriders: EdgeApplicationOverriders;
  /** What is looked at, and what it has to be; kinds in `except` have something else. */
  readonly look: (object: ChildObject) => unknown;
  readonly want: unknown;
  readonly except?: Readonly<Record<string, unknown>>;
}

export const nginx = (object: ChildObject): Any => containersOf(object)[0] ?? {};
const sidecar = (object: ChildObject): Any => containersOf(object)[1] ?? {};
export const images = (object: ChildObject): unknown[] => containersOf(object).map(({ image }) => image);
const image = (
  component: "Registry" | "Repository" | "Tag",
  operator: "add" | "remove" | "replace",
  value?: string,
) => ({
  imageOverriders: [{ component, operator, ...(value !== undefined && { value }) }],
});
export const FIELD_REF = { name: "C", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } };
const env = (operator: "add" | "replace" | "remove", ...value: { name: string; value?: string }[]) => ({
  envOverriders: [{ containerName: "nginx", operator, value }],
});
const patch = (type: "strategic" | "merge" | "json", value: unknown) => ({
  patchOverriders: [{ type, patch: value }],
});
/** The same patch for each kind, as the pod is elsewhere. */
const perKind = (change: Any): EdgeApplicationOverriders["patchOverriders"] =>
  KINDS.map((kind) => ({ target: { kind }, patch: wrap(WORKLOADS[kind]?.path ?? [], change) }));
const wrap = (path: readonly string[], change: Any): Any =>
  path.reduceRight<Any>((inner, key) => ({ [key]: inner }), change);
/** JSON pointer to something of the pod. */
export const pointer = (kind: string, rest: string): string =>
  `/${[...(WORKLOADS[kind]?.path ?? []), rest].join("/")}`;

export const ROWS: readonly Row[] = [
  {
    what: "replicas",
    overriders: { replicas: 4 },
    look: (object) => at(object, ["spec", "replicas"]),
    want: 4,
    except: { DaemonSet: undefined, Job: undefined, CronJob: undefined, Pod: undefined },
  },
  {
    what: "replicas 0",
    overriders: { replicas: 0 },
    look: (o) => at(o, ["spec", "replicas"]),
    want: 0,
    except: { DaemonSet: undefined, Job: undefined, CronJob: undefined, Pod: undefined },
  },
  {
    what: "image Registry replace",
    overriders: image("Registry", "replace", "hz.io"),
    look: images,
    want: ["hz.io/library/nginx:1.25", "hz.io/sidecar"],
  },
  {
    what: "image Registry add",
    overriders: image("Registry", "add", "0"),
    look: images,
    want: ["docker.io0/library/nginx:1.25", "localhost:50000/sidecar"],
  },
  {
    what: "image Registry remove",
    overriders: image("Registry", "remove"),
    look: images,
    want: ["library/nginx:1.25", "sidecar"],
  },
  {
    what: "image Repository replace",
    overriders: image("Repository", "replace", "a/b"),
    look: images,
    want: ["docker.io/a/b:1.25", "localhost:5000/a/b"],
  },
  {
    what: "image Repository add",
    overriders: image("Repository", "add", "-arm"),
    look: images,
    want: ["docker.io/library/nginx-arm:1.25", "localhost:5000/sidecar-arm"],
  },
  {
    what: "image Tag replace",
    overriders: image("Tag", "replace", "2"),
    look: images,
    want: ["docker.io/library/nginx:2", "localhost:5000/sidecar:2"],
  },
  {
    what: "image Tag add",
    overriders: image("Tag", "add", "-x"),
    look: (o) => images(o)[0],
    want: "docker.io/library/nginx:1.25-x",
  },
  {
    what: "image Tag remove",
    overriders: image("Tag", "remove"),
    look: images,
    want: ["docker.io/library/nginx", "localhost:5000/sidecar"],
  },
  {
    what: "A23 env add",
    overriders: env("add", { name: "D", value: "4" }),
    look: (o) => nginx(o)["env"],
    want: [{ name: "A", value: "1" }, { name: "B", value: "2" }, FIELD_REF, { name: "D", value: "4" }],
  },
  {
    what: "env add of a name that is there",
    overriders: env("add", { name: "A", value: "9" }),
    look: (o) => nginx(o)["env"],
    want: [{ name: "A", value: "9" }, { name: "B", value: "2" }, FIELD_REF],
  },
  {
    what: "A23 env replace, in its place",
    overriders: env("replace", { name: "B", value: "9" }),
    look: (o) => nginx(o)["env"],
    want: [{ name: "A", value: "1" }, { name: "B", value: "9" }, FIELD_REF],
  },
  {
    what: "env replace of a source by a value",
    overriders: env("replace", { name: "C", value: "9" }),
    look: (o) => nginx(o)["env"],
    want: [
      { name: "A", value: "1" },
      { name: "B", value: "2" },
      { name: "C", value: "9" },
    ],
  },
  {
    what: "A23 env remove, by name",
    overriders: env("remove", { name: "A", value: "other" }),
    look: (o) => nginx(o)["env"],
    want: [{ name: "B", value: "2" }, FIELD_REF],
  },
  {
    what: "A23 command add",
    overriders: { commandOverriders: [{ containerName: "nginx", operator: "add", value: ["-v"] }] },
    look: (o) => nginx(o)["command"],
    want: ["nginx", "-v"],
  },
  {
    what: "command add without one before",
    overriders: { commandOverriders: [{ containerName: "sidecar", operator: "add", value: ["-v"] }] },
    look: (o) => sidecar(o)["command"],
    want: ["-v"],
  },
  {
    what: "command remove",
    overriders: { commandOverriders: [{ containerName: "nginx", operator: "remove", value: ["nginx"] }] },
    look: (o) => nginx(o)["command"],
    want: [],
  },
  {
    what: "args add",
    overriders: { argsOverriders: [{ containerName: "nginx", operator: "add", value: ["-t"] }] },
    look: (o) => nginx(o)["args"],
    want: ["-g", "daemon off;", "-q", "-t"],
  },
  {
    what: "A23 args remove",
    overriders: { argsOverriders: [{ containerName: "nginx", operator: "remove", value: ["-q"] }] },
    look: (o) => nginx(o)["args"],
    want: ["-g", "daemon off;"],
  },
  {
    what: "A23 resources without any before",
    overriders: {
      resourcesOverriders: [{ containerName: "nginx", value: { limits: { cpu: "250m", memory: "512Mi" } } }],
    },
    look: (o) => nginx(o)["resources"],
    want: { limits: { cpu: "250m", memory: "512Mi" } },
  },
  {
    what: "A23 resources: what is not named stays",
    overriders: {
      resourcesOverriders: [
        {
          containerName: "sidecar",
          value: { requests: { cpu: "2", memory: 0 }, limits: { "nvidia.com/gpu": 1 } },
        },
      ],
    },
    look: (o) => sidecar(o)["resources"],
    want: { requests: { cpu: "2", memory: "1Gi" }, limits: { "nvidia.com/gpu": 1 } },
  },
  {
    what: "resource claims",
    overriders: {
      resourcesOverriders: [{ containerName: "nginx", value: { claims: [{ name: "gpu", request: "one" }] } }],
    },
    look: (o) => nginx(o)["resources"],
    want: { claims: [{ name: "gpu", request: "one" }] },
  },
  {
    what: "env of an init container",
    overriders: { envOverriders: [{ containerName: "setup", operator: "add", value: [{ name: "X" }] }] },
    look: (o) => specOf(o)["initContainers"],
    want: [{ name: "setup", image: "busybox:1", env: [{ name: "X" }] }],
  },
  {
    what: "nothing for a container that is not there",
    overriders: { envOverriders: [{ containerName: "other", operator: "add", value: [{ name: "X" }] }] },
    look: (o) => containersOf(o).map(({ env: held }) => (held as Any[] | undefined)?.length),
    want: [3, undefined],
  },
  {
    what: "spread",
    overriders: { spread: {} },
    look: (o) => specOf(o)["topologySpreadConstraints"],
    want: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: PODS_LABELS },
      },
    ],
    except: { DaemonSet: undefined },
  },
  {
    what: "strategic patch of a container",
    overriders: {
      patchOverriders:
        perKind({ spec: { containers: [{ name: "nginx", env: [{ name: "B", $patch: "delete" }] }] } }) ?? [],
    },
    look: (o) => [nginx(o)["env"], images(o).length],
    want: [[{ name: "A", value: "1" }, FIELD_REF], 2],
  },
  {
    what: "merge patch of the pod",
    overriders: {
      patchOverriders: (perKind({ spec: { hostNetwork: true } }) ?? []).map((one) => ({
        ...one,
        type: "merge" as const,
      })),
    },
    look: (o) => specOf(o)["hostNetwork"],
    want: true,
  },
  {
    what: "JSON patch of a container",
    overriders: {
      patchOverriders: KINDS.map((kind) => ({
        target: { kind, name: "nginx" },
        type: "json" as const,
        patch: [{ op: "replace", path: pointer(kind, "spec/containers/1/image"), value: "x:1" }],
      })),
    },
    look: (o) => images(o)[1],
    want: "x:1",
  },
  {
    what: "patch of metadata",
    overriders: patch("merge", { metadata: { annotations: { a: "b" } } }),
    look: (o) => at(o, ["metadata", "annotations", "a"]),
    want: "b",
  },
];
