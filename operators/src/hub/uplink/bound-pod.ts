// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "../../runtime/client.ts";
import { PODS } from "./kinds.ts";
import { forbidden, UplinkRefusal, type UplinkRequest, type UplinkTools } from "./handler/index.ts";

export interface PodObject extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
}

/**
 * The uid of the named pod, which must be bound to the sender and, if the sender names a uid, be that very pod.
 *
 * A pod that is not known to be bound here is read once: an edge must learn that its pod is gone (404), and must
 * not touch one that is bound elsewhere.
 *
 * @throws {UplinkRefusal} FORBIDDEN, STALE_UID
 * @throws {ApiError} NotFound
 */
export async function requireBoundPod(
  request: UplinkRequest,
  tools: UplinkTools,
  claimedUid: string | undefined,
): Promise<string> {
  const uid = await boundUid(request, tools);
  if (claimedUid !== undefined && claimedUid !== uid)
    throw new UplinkRefusal("STALE_UID", "the pod of that name has another uid");
  return uid;
}

async function boundUid({ resource, session }: UplinkRequest, tools: UplinkTools): Promise<string> {
  const { namespace, name } = resource;
  const known = await session.grants.pod(namespace, name);
  if (known !== undefined) return known.uid;
  const pod = await tools.write(session, (signal) =>
    tools.client.get<PodObject>(PODS, { namespace, name }, { signal }),
  );
  if (pod.spec?.nodeName !== session.node) throw forbidden("a pod of another node");
  return pod.metadata.uid;
}
