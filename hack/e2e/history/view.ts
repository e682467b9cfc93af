// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";

/** One object as the API server or the edge's store has it. */
export interface ViewedObject {
  readonly uid: string;
  /** Without what the edge does not have to know; see contentOf(). */
  readonly content: unknown;
}

/** What the API server says: what is wanted, and what is reported. */
export interface CloudView {
  /** Everything that the node must hold, by `kind/namespace/name`. */
  readonly objects: ReadonlyMap<string, ViewedObject>;
  readonly pods: readonly CloudPod[];
  readonly devices: readonly CloudDevice[];
}

export interface CloudPod {
  readonly key: string;
  readonly uid: string;
  readonly isRunning: boolean;
  readonly containerId: string;
  /** Files that its volumes must have now, by `volume/file`. */
  readonly files: ReadonlyMap<string, string>;
}

export interface CloudDevice {
  readonly key: string;
  readonly desired: string;
  readonly observed: string | undefined;
  readonly reported: string | undefined;
}

/** What is at the edge. */
export interface EdgeView {
  readonly objects: ReadonlyMap<string, ViewedObject>;
  /** Ids of the containers that run, sandboxes left out, by uid of the pod. */
  readonly running: ReadonlyMap<string, readonly string[]>;
  fileOf(podUid: string, path: string): string | undefined;
  /** What each device was last set to. */
  readonly set: ReadonlyMap<string, string>;
}

/** Where edge and cloud differ, in words; empty when the edge has converged. Pure but for `fileOf`. */
export const differences = (cloud: CloudView, edge: EdgeView): string[] => [
  ...objectDifferences(cloud.objects, edge.objects),
  ...cloud.pods.flatMap((pod) => podDifferences(pod, edge)),
  ...[...edge.running.keys()]
    .filter((uid) => !cloud.pods.some((pod) => pod.uid === uid))
    .map((uid) => `a container of pod ${uid} runs on, and nobody wants it`),
  ...cloud.devices.flatMap((device) => deviceDifferences(device, edge)),
];

function objectDifferences(
  wanted: ReadonlyMap<string, ViewedObject>,
  held: ReadonlyMap<string, ViewedObject>,
): string[] {
  const extra = [...held.keys()]
    .filter((key) => !wanted.has(key))
    .map((key) => `${key} is still at the edge`);
  const wrong = [...wanted].flatMap(([key, { uid, content }]) => {
    const found = held.get(key);
    if (found === undefined) return [`${key} is not at the edge`];
    if (found.uid !== uid) return [`${key} has uid ${found.uid} at the edge, not ${uid}`];
    const path = differingPath(found.content, content);
    return path === undefined ? [] : [`${key} differs at the edge at ${path}`];
  });
  return [...extra, ...wrong];
}

/** Where two values first differ, for people; values are not told, for they may be secret. */
function differingPath(a: unknown, b: unknown, path = ""): string | undefined {
  if (isDeepStrictEqual(a, b)) return undefined;
  if (!isObject(a) || !isObject(b)) return path;
  const name = [...Object.keys(a), ...Object.keys(b)].find((key) => !isDeepStrictEqual(a[key], b[key]));
  return name === undefined ? path : differingPath(a[name], b[name], `${path}.${name}`);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

function podDifferences(pod: CloudPod, edge: EdgeView): string[] {
  if (!pod.isRunning) return [`${pod.key} is not Running and Ready`];
  const running = edge.running.get(pod.uid) ?? [];
  const isThat = running.length === 1 && running[0] === pod.containerId;
  const files = [...pod.files].filter(([path, text]) => edge.fileOf(pod.uid, path) !== text);
  return [
    ...(isThat
      ? []
      : [`${pod.key} says container ${pod.containerId}, the runtime runs [${running.join(" ")}]`]),
    ...files.map(([path]) => `${pod.key} does not have the newest ${path}`),
  ];
}

function deviceDifferences({ key, desired, observed, reported }: CloudDevice, edge: EdgeView): string[] {
  const set = edge.set.get(key);
  const seen = { observed, reported, "set at the device": set };
  return Object.entries(seen)
    .filter(([, value]) => value === undefined || Number(value) !== Number(desired))
    .map(([what, value]) => `${key}: wanted is ${desired}, ${what} is ${value ?? "nothing"}`);
}

/**
 * What an edge has to know of an object: all but its status, and what changes with each write of the status, which is
 * a Device's generation too, for its kind has no status subresource. Objects read in a list do not say their kind.
 */
export function contentOf(object: unknown): unknown {
  const { metadata, ...fields } = object as { readonly metadata: Readonly<Record<string, unknown>> };
  const meta = without(metadata, "managedFields", "resourceVersion", "generation");
  return JSON.parse(
    JSON.stringify({ ...without(fields, "apiVersion", "kind", "status"), metadata: meta }),
  ) as unknown;
}

const without = (fields: Readonly<Record<string, unknown>>, ...names: readonly string[]) =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
