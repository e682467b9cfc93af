// SPDX-License-Identifier: Apache-2.0
import { objectDigest } from "@longshore/crds";
import { APPLICATION_LABEL } from "@longshore/crds/apps";
import { controllerOf, type KubeObject, type ObjectMeta, type OwnerReference } from "../../runtime/index.ts";
import { EDGE_APPLICATIONS, groupOf, TARGET, VERSION, type Ref } from "../resources.ts";
import { REVISION } from "../rollout/index.ts";
import { factsOf, type WorkloadFacts } from "./facts.ts";

/** A child, as far as it is kept in memory. */
export interface TrimmedChild extends KubeObject {
  readonly ref: Ref;
  /** uid that its label names; "" without one */
  readonly application: string;
  readonly owner: OwnerReference | undefined;
  readonly target?: string;
  readonly version?: string;
  readonly revision?: string;
  /** Everything but its status. Changes when anybody changes it. */
  readonly digest: string;
  readonly facts?: WorkloadFacts;
}

// Written by Kubernetes' own controller after each change: nothing of ours.
const FOREIGN_ANNOTATION = "deployment.kubernetes.io/revision";

/** What is kept of a child; its spec is not. */
export function trimChild(object: KubeObject): TrimmedChild {
  const { metadata, kind = "", apiVersion = "" } = object;
  const group = groupOf(apiVersion);
  const facts = factsOf(group, kind, object);
  return {
    apiVersion,
    kind,
    metadata: metaOf(metadata),
    ref: { group, kind, namespace: metadata.namespace ?? "", name: metadata.name },
    application: metadata.labels?.[APPLICATION_LABEL] ?? "",
    owner: controllerOf(object),
    digest: digestOf(object),
    ...marksOf(metadata),
    ...(facts && { facts }),
  };
}

type Marks = Pick<TrimmedChild, "target" | "version" | "revision">;

function marksOf({ annotations = {} }: ObjectMeta): Marks {
  const { [TARGET]: target, [VERSION]: version, [REVISION]: revision } = annotations;
  return {
    ...(target !== undefined && { target }),
    ...(version !== undefined && { version }),
    ...(revision !== undefined && { revision }),
  };
}

export function isOwnedBy(uid: string, owner: OwnerReference | undefined): boolean {
  return owner?.uid === uid && owner.kind === EDGE_APPLICATIONS.kind;
}

function metaOf({ name, namespace, uid, resourceVersion, deletionTimestamp }: ObjectMeta): ObjectMeta {
  return {
    ...{ name, uid, resourceVersion },
    ...(namespace !== undefined && { namespace }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  };
}

function digestOf(object: KubeObject): string {
  const { annotations } = object.metadata;
  if (annotations?.[FOREIGN_ANNOTATION] === undefined) return objectDigest(object);
  const others = Object.fromEntries(
    Object.entries(annotations).filter(([key]) => key !== FOREIGN_ANNOTATION),
  );
  return objectDigest({ ...object, metadata: { ...object.metadata, annotations: others } });
}

/** Versions of one kind grow; decimal strings compare by length, then bytes. */
export const isOlder = (a: string, b: string): boolean =>
  a.length < b.length || (a.length === b.length && a < b);
