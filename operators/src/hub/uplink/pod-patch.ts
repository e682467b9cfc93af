// SPDX-License-Identifier: Apache-2.0
import { formatResource, newFrame } from "@longshore/crds/wire";
import type { KubeObject } from "../../runtime/client.ts";
import { isInvalid, isNotFound } from "../../runtime/errors.ts";
import { requireBoundPod } from "./bound-pod.ts";
import {
  type Actions,
  type Answer,
  bad,
  done,
  type Fields,
  fieldsAt,
  isFields,
  LENIENT,
  objectOf,
  textAt,
  UplinkRefusal,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import { PODS } from "./kinds.ts";
import type { UplinkSession } from "./port.ts";

/** status of a pod that is bound to the sender */
export const podPatchActions: Actions = {
  types: ["podpatch"],
  operations: { patch: { failure: "status", isWholeState: true, run: patchStatus } },
};

/** status as old edges send it: one, or a list when the resource names no pod; no reply when it fails */
export const podStatusActions: Actions = {
  types: ["podstatus"],
  operations: {
    update: { failure: "none", run: updateStatuses },
    insert: { failure: "none", run: updateStatuses },
  },
};

/** Statuses of one old-style list; a node runs at most some hundreds of pods. */
const MAX_STATUSES = 1_000;

async function patchStatus(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const patch = objectOf(request.frame.content);
  const uid = await requireBoundPod(request, tools, textAt(fieldsAt(patch, "metadata"), "uid"));
  const pod = await writeStatus(request, tools, { uid, status: fieldsAt(patch, "status") });
  return { content: done(pod), resourceVersion: pod.metadata.resourceVersion };
}

interface StatusOfPod {
  readonly uid: string;
  readonly status: Fields;
}

/** Nothing but status, and only of the pod with this uid: the API server refuses the patch for any other. */
async function writeStatus(request: UplinkRequest, tools: UplinkTools, of: StatusOfPod): Promise<KubeObject> {
  const { resource, session } = request;
  const { namespace, name } = resource;
  const patch = { type: "strategic", body: { metadata: { uid: of.uid }, status: of.status } } as const;
  try {
    return await tools.write(session, (signal) =>
      tools.client.patch(PODS, { namespace, name }, patch, { ...LENIENT, subresource: "status", signal }),
    );
  } catch (error) {
    if (isNotFound(error)) session.grants.podGone(namespace, name, of.uid);
    if (isInvalid(error)) await requireSameUid(request, tools, of.uid);
    throw error;
  }
}

/** Another uid is "invalid" to the API server, which an edge would repeat; it must learn that its pod is gone. */
async function requireSameUid(
  { resource, session }: UplinkRequest,
  tools: UplinkTools,
  uid: string,
): Promise<void> {
  const { namespace, name } = resource;
  const pod = await tools.write(session, (signal) => tools.client.get(PODS, { namespace, name }, { signal }));
  if (pod.metadata.uid === uid) return;
  session.grants.podGone(namespace, name, uid);
  throw new UplinkRefusal("STALE_UID", "the pod of that name has another uid");
}

async function updateStatuses(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const { content } = request.frame;
  const entries: unknown[] =
    request.resource.name === "" && Array.isArray(content) ? content : [objectOf(content)];
  if (entries.length > MAX_STATUSES) throw bad("too many statuses");
  for (const entry of entries) if (isFields(entry)) await updateStatus(request, tools, entry);
  return { content: "OK" };
}

async function updateStatus(request: UplinkRequest, tools: UplinkTools, entry: Fields): Promise<void> {
  const name = request.resource.name === "" ? (textAt(entry, "Name") ?? "") : request.resource.name;
  const one: UplinkRequest = { ...request, resource: { ...request.resource, name } };
  try {
    const uid = await requireBoundPod(one, tools, textAt(entry, "UID"));
    await writeStatus(one, tools, { uid, status: fieldsAt(entry, "Status") });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    pushDelete(one.session, { namespace: one.resource.namespace, name });
  }
}

/** The pod is gone, and an old edge learns it only from a push. */
function pushDelete(session: UplinkSession, pod: { namespace: string; name: string }): void {
  const resource = formatResource({ ...pod, type: "pod" });
  const route = { source: "edgecontroller", group: "resource", operation: "delete", resource };
  session.send(newFrame({ ...route, content: { metadata: pod } }));
}
