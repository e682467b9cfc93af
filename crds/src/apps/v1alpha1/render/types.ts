// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationOverriders, EdgeApplicationSpec, LabelSelector } from "../types.gen.ts";

/** Any object as JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** A place that workloads are copied for. */
export interface Target {
  /** Suffix of the copies' names: the group's name, or `ls-` and eight hex digits of the selector's hash. */
  readonly name: string;
  /** Of a node group, else absent. */
  readonly group?: string;
  /** Of nodes chosen by their labels, else absent. */
  readonly labelSelector?: LabelSelector;
  readonly overriders: EdgeApplicationOverriders;
}

/** A NodeGroup, as far as selectors look at it. */
export interface GroupFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The application that children belong to. */
export interface Owner {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/** What of a spec decides what is deployed; what a revision keeps. */
export type RenderedSpec = Pick<EdgeApplicationSpec, "workloadScope" | "workloadTemplate"> & {
  readonly rollout?: Pick<NonNullable<EdgeApplicationSpec["rollout"]>, "versions"> | undefined;
};

/** An object that is to exist. */
export interface Child {
  /** Position of its manifest in the template. */
  readonly ordinal: number;
  /** Name in the template. */
  readonly manifestName: string;
  /** Target that it is for; absent of what exists once. */
  readonly target?: string;
  /** Version of `rollout.versions` that it is for; absent of the others. */
  readonly version?: string;
  /** Complete: name, namespace, owner, label, annotations. */
  readonly object: ChildObject;
}

export interface ChildObject extends Json {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Json & { readonly name: string; readonly namespace: string };
}

/** A manifest that cannot be made into an object, or not for one target. The others are not affected. */
export interface RenderFault {
  readonly ordinal: number;
  readonly target?: string;
  readonly version?: string;
  /** Says what to change, beginning with the field: `overriders.imageOverriders[0].value: …` */
  readonly message: string;
}

export interface Rendered {
  readonly children: readonly Child[];
  readonly faults: readonly RenderFault[];
}

export interface RenderTargetInput {
  readonly owner: Owner;
  readonly spec: RenderedSpec;
  readonly target: Target;
  /** Pods of one workload that may be down at once, set in its update strategy; absent: as the author says. */
  readonly maxUnavailable?: number;
}
