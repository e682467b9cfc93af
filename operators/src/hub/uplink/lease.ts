// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "../../runtime/client.ts";
import {
  type Actions,
  type Answer,
  done,
  type Fields,
  fieldsAt,
  forbidden,
  isFields,
  LENIENT,
  objectOf,
  pick,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import { LEASES } from "./kinds.ts";
import { requireOwnNode } from "./own-node.ts";

const NAMESPACE = "kube-node-lease";
const OWN_SPEC = ["leaseDurationSeconds", "renewTime", "acquireTime", "leaseTransitions"];

/** the own Lease */
export const leaseActions: Actions = {
  types: ["lease"],
  operations: {
    query: { failure: "status", run: queryLease },
    insert: { failure: "status", run: insertLease },
    update: { failure: "status", isWholeState: true, run: updateLease },
  },
};

async function queryLease(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const name = requireOwnLease(request);
  const lease = await tools.write(request.session, (signal) =>
    tools.client.get(LEASES, { namespace: NAMESPACE, name }, { signal }),
  );
  return { content: done(lease) };
}

async function insertLease(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const name = requireOwnLease(request);
  const object = ownLease(name, objectOf(request.frame.content), []);
  const lease = await tools.write(request.session, (signal) =>
    tools.client.create<KubeObject>(LEASES, object, { ...LENIENT, signal }),
  );
  return { content: done(lease) };
}

async function updateLease(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const name = requireOwnLease(request);
  const object = ownLease(name, objectOf(request.frame.content), ["uid", "resourceVersion"]);
  const lease = await tools.write(request.session, (signal) =>
    tools.client.update<KubeObject>(LEASES, object, { ...LENIENT, signal }),
  );
  return { content: done(lease) };
}

function requireOwnLease(request: UplinkRequest): string {
  if (request.resource.namespace !== NAMESPACE) throw forbidden("not the namespace of node Leases");
  return requireOwnNode(request);
}

function ownLease(name: string, content: Fields, identity: readonly string[]): object {
  const metadata = fieldsAt(content, "metadata");
  const owners = Array.isArray(metadata["ownerReferences"]) ? (metadata["ownerReferences"] as unknown[]) : [];
  const ownerReferences = owners.filter((owner) => isOwnNode(owner, name));
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace: NAMESPACE, ownerReferences, ...pick(metadata, identity) },
    spec: { ...pick(fieldsAt(content, "spec"), OWN_SPEC), holderIdentity: name },
  };
}

const isOwnNode = (owner: unknown, name: string): boolean =>
  isFields(owner) && owner["kind"] === "Node" && owner["apiVersion"] === "v1" && owner["name"] === name;
