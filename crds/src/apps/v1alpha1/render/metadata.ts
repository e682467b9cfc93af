// SPDX-License-Identifier: Apache-2.0
import { APPLICATION_LABEL, LAST_APPLIED_TEMPLATE, RANGE_NODE_GROUP, SERVICE_TOPOLOGY } from "../marks.ts";
import { dropDuplicates } from "./duplicates.ts";
import { fail } from "./fault.ts";
import { canonicalJson, drop, fieldsOf, isFields, listOf, own, type Fields } from "./json.ts";
import { dropTtl } from "./notes.ts";
import { manifestField, type Manifest } from "./manifest.ts";
import type { ChildObject, Owner } from "./types.ts";

const OWNER_API_VERSION = "apps.kubeedge.io/v1alpha1";
const OWNER_KIND = "EdgeApplication";

/** What only the API server sets; in a manifest it is left over from `kubectl get`. */
const SERVER_SET = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "selfLink",
];

/**
 * Makes a manifest's fields complete: namespace, owner, label, annotations; without what is there twice.
 *
 * @throws {RenderFaultError} when labels, annotations or owners are not what they should be
 */
export function finish({ fields, metadata, ordinal, apiVersion, kind }: Manifest, owner: Owner): ChildObject {
  const field = `${manifestField(ordinal)}.metadata`;
  dropDuplicates(fields, apiVersion, kind, manifestField(ordinal));
  dropTtl(fields, apiVersion, kind);
  for (const key of SERVER_SET) drop(metadata, key);
  drop(fields, "status");
  metadata["namespace"] = owner.namespace;
  fieldsOf(metadata, "labels", field)[APPLICATION_LABEL] = owner.uid;
  metadata["ownerReferences"] = withOwner(listOf(metadata, "ownerReferences", field), owner, field);
  if (apiVersion === "v1" && kind === "Service") {
    fieldsOf(metadata, "annotations", field)[SERVICE_TOPOLOGY] = RANGE_NODE_GROUP;
  }
  remember(fields, metadata, kind === "Secret" && apiVersion === "v1", field);
  return fields as ChildObject;
}

function withOwner(references: readonly unknown[], { name, uid }: Owner, field: string): unknown[] {
  const others = references.filter((one) => isFields(one) && !isOurs(one));
  if (others.some((one) => isFields(one) && own(one, "controller") === true)) {
    fail(
      `${field}.ownerReferences`,
      "names another controller; remove it: the EdgeApplication is the controller",
    );
  }
  const ours = {
    apiVersion: OWNER_API_VERSION,
    kind: OWNER_KIND,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return [...others, ours];
}

const isOurs = (reference: Fields): boolean =>
  own(reference, "apiVersion") === OWNER_API_VERSION && own(reference, "kind") === OWNER_KIND;

/** Annotations of one object may have 256 KiB together; what is left is for the author's and others'. */
const MAX_TEMPLATE_BYTES = 192 * 1024;

/** Not for Secrets, whose data would stand in the annotation, nor for what the API server would refuse then. */
function remember(fields: Fields, metadata: Fields, isSecret: boolean, field: string): void {
  const annotations = own(metadata, "annotations");
  if (isFields(annotations)) drop(annotations, LAST_APPLIED_TEMPLATE);
  if (isSecret) return;
  const text = canonicalJson(fields);
  if (Buffer.byteLength(text) > MAX_TEMPLATE_BYTES) return;
  fieldsOf(metadata, "annotations", field)[LAST_APPLIED_TEMPLATE] = text;
}
