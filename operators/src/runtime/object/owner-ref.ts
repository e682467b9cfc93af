// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf } from "../api/resource-path.ts";
import type { KubeObject, OwnerReference, Resource } from "../client.ts";
import { TerminalError } from "../errors.ts";

/** The object's one controlling owner. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((ref) => ref.controller === true);

export interface OwnerRefInput {
  readonly owner: KubeObject;
  readonly ownerResource: Resource;
  /** What the reference goes into. */
  readonly object: { readonly namespace?: string; readonly ownerReferences?: readonly OwnerReference[] };
  /** Default true; needs update on the owner's `finalizers` subresource. */
  readonly blockOwnerDeletion?: boolean;
}

/**
 * The object's references with `owner` as its controller; one of the same group, kind and name is replaced.
 *
 * @throws {TerminalError} when another object controls it already, or the owner is in another namespace
 */
export function withController(input: OwnerRefInput): readonly OwnerReference[] {
  const { owner, ownerResource, object } = input;
  const own: OwnerReference = {
    apiVersion: apiVersionOf(ownerResource),
    kind: ownerResource.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: input.blockOwnerDeletion ?? true,
  };
  if (ownerResource.namespaced && owner.metadata.namespace !== object.namespace) {
    throw new TerminalError("an owner with a namespace owns only objects of the same namespace");
  }
  const others = (object.ownerReferences ?? []).filter((ref) => !isSameOwner(ref, own));
  const rival = others.find((ref) => ref.controller === true);
  if (rival !== undefined) throw new TerminalError(`${rival.kind} ${rival.name} controls the object already`);
  return [...others, own];
}

const isSameOwner = (a: OwnerReference, b: OwnerReference): boolean =>
  groupOf(a) === groupOf(b) && a.kind === b.kind && a.name === b.name;

const groupOf = ({ apiVersion }: OwnerReference): string =>
  apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
