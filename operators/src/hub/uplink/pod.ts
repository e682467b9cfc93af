// SPDX-License-Identifier: Apache-2.0
import { grants } from "@longshore/crds";
import type { KubeObject } from "../../runtime/client.ts";
import { isConflict, isNotFound } from "../../runtime/errors.ts";
import { requireBoundPod } from "./bound-pod.ts";
import {
  type Actions,
  type Answer,
  bad,
  done,
  type Fields,
  fieldsAt,
  forbidden,
  isFields,
  LENIENT,
  objectOf,
  pick,
  textAt,
  UplinkRefusal,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import { PODS } from "./kinds.ts";

const MIRROR = "kubernetes.io/config.mirror";
const MAX_GRACE_SECONDS = 3_600;

/** mirror pods, and pods whose containers are gone */
export const podActions: Actions = {
  types: ["pod"],
  operations: {
    insert: { failure: "status", run: insertMirror },
    delete: { failure: "text", run: deletePod },
  },
};

/** A mirror pod shows a static pod of the node. It may not reach for anything of the cluster. */
async function insertMirror(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const { resource, session } = request;
  const content = objectOf(request.frame.content);
  const metadata = fieldsAt(content, "metadata");
  requireMirror(content, session.node);
  const object = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: resource.name,
      namespace: resource.namespace,
      ...pick(metadata, ["labels", "annotations"]),
      ownerReferences: ownersOf(metadata, session.node),
    },
    spec: content["spec"],
  };
  const pod = await tools.write(session, (signal) =>
    tools.client.create<KubeObject>(PODS, object, { ...LENIENT, signal }),
  );
  return { content: done(pod) };
}

function requireMirror(content: Fields, node: string): void {
  const annotations = fieldsAt(fieldsAt(content, "metadata"), "annotations");
  if (textAt(annotations, MIRROR) === undefined) throw forbidden("a node creates mirror pods only");
  if (textAt(fieldsAt(content, "spec"), "nodeName") !== node) throw forbidden("a pod of another node");
  if (grants(content).length > 0) throw forbidden("a mirror pod refers to objects of the cluster");
}

function ownersOf(metadata: Fields, node: string): unknown[] {
  const owners: unknown[] = Array.isArray(metadata["ownerReferences"]) ? metadata["ownerReferences"] : [];
  return owners.filter((owner) => isFields(owner) && owner["kind"] === "Node" && owner["name"] === node);
}

async function deletePod(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const { namespace, name } = request.resource;
  const { session } = request;
  const { claimedUid, graceSeconds } = deletionOf(request.frame.content);
  try {
    const uid = await requireBoundPod(request, tools, claimedUid);
    const options = { gracePeriodSeconds: graceSeconds, preconditions: { uid } };
    await tools.write(session, (signal) =>
      tools.client.delete(PODS, { namespace, name }, { ...options, signal }),
    );
    if (graceSeconds === 0) session.grants.podGone(namespace, name, uid);
  } catch (error) {
    // The pod that the edge means is gone: that is what it wanted.
    if (!isGone(error)) throw error;
  }
  return { content: "OK" };
}

const isGone = (error: unknown): boolean =>
  isNotFound(error) || isConflict(error) || (error instanceof UplinkRefusal && error.reason === "STALE_UID");

/** DeleteOptions, or the bare uid of old edges. */
function deletionOf(content: unknown): { claimedUid: string | undefined; graceSeconds: number } {
  if (typeof content === "string" && !content.trimStart().startsWith("{"))
    return { claimedUid: content === "" ? undefined : content, graceSeconds: 0 };
  const options = content === null ? {} : objectOf(content);
  const grace = options["gracePeriodSeconds"] ?? 0;
  if (typeof grace !== "number" || !Number.isInteger(grace) || grace < 0 || grace > MAX_GRACE_SECONDS)
    throw bad("gracePeriodSeconds is out of range");
  return { claimedUid: textAt(fieldsAt(options, "preconditions"), "uid"), graceSeconds: grace };
}
