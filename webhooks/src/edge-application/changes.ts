// SPDX-License-Identifier: Apache-2.0
import {
  APPLICATION_LABEL,
  LAST_APPLIED_TEMPLATE,
  type Child,
  type ChildObject,
  type Target,
} from "@longshore/crds/apps";
import { isDeepStrictEqual } from "node:util";
import { differences, type Difference } from "./difference.ts";
import type { RenderedTarget, Rendering } from "./rendering.ts";

/** What an edit does to one object. */
export interface ObjectChange {
  readonly what: "created" | "deleted" | "changed";
  readonly kind: string;
  readonly name: string;
  /** Of what changed; empty otherwise. */
  readonly differences: readonly Difference[];
  /** Its running pods are replaced. */
  readonly isRestart: boolean;
}

/** What an edit does in one target; without one to what exists once. */
export interface PlaceChange {
  readonly target?: Target;
  readonly objects: readonly ObjectChange[];
}

/** Only places where something changes. `before` is undefined for a new application. */
export function changesOf(before: Rendering | undefined, after: Rendering): PlaceChange[] {
  return between(before ?? NOTHING, after);
}

function between(before: Rendering, after: Rendering): PlaceChange[] {
  const old = new Map(before.targets.map((one) => [one.target.name, one]));
  const now = new Map(after.targets.map((one) => [one.target.name, one]));
  const places = [...new Set([...now.keys(), ...old.keys()])]
    .filter((name) => isRendered(name, now, after) && isRendered(name, old, before))
    .map((name) => placeChange(old.get(name), now.get(name)));
  const once: PlaceChange = { objects: objectChanges(before.shared, after.shared) };
  return [...places, once].filter(({ objects }) => objects.length > 0);
}

const NOTHING: Rendering = { targets: [], names: [], shared: [], faults: [], notes: [] };

/** Of a target that there is but that was not rendered, nothing is known: nothing is said to come or go there. */
const isRendered = (name: string, targets: ReadonlyMap<string, unknown>, { names }: Rendering): boolean =>
  targets.has(name) || !names.includes(name);

function placeChange(before: RenderedTarget | undefined, after: RenderedTarget | undefined): PlaceChange {
  const target = (after ?? before)?.target;
  const objects = objectChanges(before?.children ?? [], after?.children ?? []);
  return { ...(target && { target }), objects };
}

function objectChanges(before: readonly Child[], after: readonly Child[]): ObjectChange[] {
  const old = new Map(before.map(({ object }) => [keyOf(object), object]));
  const now = new Map(after.map(({ object }) => [keyOf(object), object]));
  return [...new Set([...now.keys(), ...old.keys()])].flatMap((key) =>
    objectChange(old.get(key), now.get(key)),
  );
}

function objectChange(before: ChildObject | undefined, after: ChildObject | undefined): ObjectChange[] {
  const object = after ?? before;
  if (object === undefined) return [];
  const base = { kind: object.kind, name: object.metadata.name, differences: [], isRestart: false };
  if (before === undefined) return [{ ...base, what: "created" }];
  if (after === undefined) return [{ ...base, what: "deleted" }];
  const found = differences(withoutMarks(before), withoutMarks(after));
  if (found.length === 0) return [];
  return [{ ...base, what: "changed", differences: found, isRestart: isRestart(before, after) }];
}

const keyOf = ({ apiVersion, kind, metadata }: ChildObject): string =>
  `${apiVersion}/${kind}/${metadata.name}`;

/** Ours, on each child; they tell nothing of what the author changed. */
function withoutMarks(object: ChildObject): object {
  const { annotations = {}, labels = {}, ...metadata } = object.metadata as Marked;
  const keep = (map: Marks, mark: string): object =>
    Object.fromEntries(Object.entries(map).filter(([key]) => key !== mark));
  return {
    ...object,
    metadata: {
      ...metadata,
      annotations: keep(annotations, LAST_APPLIED_TEMPLATE),
      labels: keep(labels, APPLICATION_LABEL),
    },
  };
}

type Marks = Readonly<Record<string, unknown>>;
interface Marked {
  readonly annotations?: Marks;
  readonly labels?: Marks;
}

const ROLLING = new Set(["Deployment", "StatefulSet", "DaemonSet"]);

interface Workload {
  readonly template?: unknown;
  readonly updateStrategy?: { readonly type?: unknown };
}

/** Whether Kubernetes replaces the pods by itself. */
function isRestart(before: ChildObject, after: ChildObject): boolean {
  if (!ROLLING.has(after.kind)) return false;
  const [old, now] = [before["spec"], after["spec"]] as [Workload | undefined, Workload | undefined];
  if (now?.updateStrategy?.type === "OnDelete") return false;
  return !isDeepStrictEqual(old?.template, now?.template);
}
