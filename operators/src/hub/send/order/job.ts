// SPDX-License-Identifier: Apache-2.0
import {
  ATTEMPT_ANNOTATION,
  attemptOf,
  OLD_ORDER_KIND,
  ORDER_KIND,
  orderDigest,
  type Dialect,
  type JobKind,
} from "@longshore/crds/tasks";
import type { KubeObject } from "../../../runtime/client.ts";

/** How a resource type of delivery orders tasks. */
export interface OrderKind {
  readonly kind: JobKind;
  readonly dialect: Dialect;
}

const kindsOf = (names: Readonly<Partial<Record<JobKind, string>>>, dialect: Dialect) =>
  (Object.entries(names) as [JobKind, string][]).map(([kind, name]) => [name, { kind, dialect }] as const);

/** Resource types whose objects are orders of tasks. */
export const ORDER_KINDS: ReadonlyMap<string, OrderKind> = new Map<string, OrderKind>([
  ...kindsOf(ORDER_KIND, "v1alpha2"),
  ...kindsOf(OLD_ORDER_KIND, "v1alpha1"),
]);

export type Fields = Readonly<Record<string, unknown>>;

/** What is kept of a job: its status, which is long and changes all the time, is not. */
export interface Job {
  readonly metadata: KubeObject["metadata"];
  readonly spec: Fields;
  /** What nodes are to be ordered in v1alpha1, by node. */
  readonly states: ReadonlyMap<string, string>;
}

interface JobObject extends KubeObject {
  readonly spec?: Fields;
  readonly status?: {
    readonly nodeStatus?: readonly {
      readonly nodeName?: string;
      readonly phase?: string;
      readonly state?: string;
    }[];
  };
}

const OURS = "longshore.io/";

export function jobOf(object: KubeObject): Job {
  const { metadata, spec = {}, status } = object as JobObject;
  return { metadata: metadataOf(metadata), spec, states: statesOf(status) };
}

function metadataOf(metadata: KubeObject["metadata"]): KubeObject["metadata"] {
  const { name, uid, resourceVersion, generation, creationTimestamp, annotations = {} } = metadata;
  const own = Object.entries(annotations).filter(([key]) => key.startsWith(OURS));
  return {
    ...{ name, uid, resourceVersion },
    ...(generation !== undefined && { generation }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(own.length > 0 && { annotations: Object.fromEntries(own) }),
  };
}

function statesOf(status: JobObject["status"]): ReadonlyMap<string, string> {
  const states = new Map<string, string>();
  for (const { nodeName, phase, state } of status?.nodeStatus ?? [])
    if (nodeName !== undefined && phase === "InProgress" && state !== undefined) states.set(nodeName, state);
  return states;
}

/**
 * The attempt that an order of this digest is of. By now another may have been asked for, and a node that is still at
 * work in the earlier one has no part in it.
 *
 * @param salt as of `orderDigest`
 */
export function attemptOfOrder(
  { metadata: { uid, annotations }, spec }: Job,
  digest: string,
  salt: string,
): number {
  const asked = attemptOf(annotations);
  for (let attempt = asked; attempt > 0; attempt--) {
    const metadata = { uid, annotations: { [ATTEMPT_ANNOTATION]: String(attempt) } };
    if (orderDigest({ metadata, spec }, salt) === digest) return attempt;
  }
  return asked;
}

/** The spec as far as one node is concerned: it is not told which others there are. */
export function specFor(node: string, kind: JobKind, spec: Fields): Fields {
  if (kind !== "ImagePrePullJob") return selected(node, spec);
  const template = spec["imagePrePullTemplate"];
  return { ...spec, imagePrePullTemplate: selected(node, (template ?? {}) as Fields) };
}

const selected = (node: string, spec: Fields): Fields => ({
  ...spec,
  labelSelector: undefined,
  nodeNames: [node],
});
