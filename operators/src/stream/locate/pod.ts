// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import {
  isNotFound,
  type Client,
  type GetOptions,
  type KubeObject,
  type Resource,
} from "../../runtime/index.ts";
import type { Deadline } from "./deadline.ts";

const PODS: Resource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };

interface Pod extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
}

/** A pod as a request names it. */
export interface PodName {
  readonly namespace: string;
  readonly pod: string;
  /** "" when it is not said */
  readonly uid: string;
  /** The node that the request is for, when it says so. */
  readonly node: string | undefined;
}

export interface PlacedPod {
  readonly node: string;
  readonly uid: string;
}

/** What is wrong with this answer; undefined: the pod is there and the one that is meant. */
function refusal(asked: PodName, pod: Pod | undefined): StreamError | undefined {
  const name = `${asked.namespace}/${asked.pod}`;
  if (pod === undefined) return new StreamError("NOT_FOUND", `there is no pod "${name}"`);
  if (asked.uid !== "" && asked.uid !== pod.metadata.uid)
    return new StreamError("NOT_FOUND", `there is no pod "${name}" with uid ${asked.uid}`);
  const node = pod.spec?.nodeName ?? "";
  if (node === "") return new StreamError("BAD_REQUEST", `pod ${asked.pod} is not scheduled`);
  if (asked.node !== undefined && asked.node !== node)
    return new StreamError("NOT_FOUND", `pod "${name}" is not on node "${asked.node}"`);
  return undefined;
}

/**
 * Where a pod is. The API server's cache is asked first; its no counts only when a consistent read says no as well.
 *
 * @throws {StreamError} NOT_FOUND (also when it is on another node than asked, B148), BAD_REQUEST when it is on none,
 * TIMEOUT, INTERNAL
 */
export async function placePod(
  client: Pick<Client, "get">,
  asked: PodName,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<PlacedPod> {
  const what = `the API server did not say in time where pod "${asked.namespace}/${asked.pod}" is`;
  const get = (options: GetOptions): Promise<Pod | undefined> =>
    deadline.bound((bound) => getPod(client, asked, { ...options, signal: bound }), what, signal);
  const cached = await get({ resourceVersion: "0" });
  const pod = refusal(asked, cached) === undefined ? cached : await get({});
  const refused = refusal(asked, pod);
  if (refused !== undefined || pod === undefined) throw refused ?? new StreamError("INTERNAL", what);
  return { node: pod.spec?.nodeName ?? "", uid: pod.metadata.uid };
}

async function getPod(
  client: Pick<Client, "get">,
  { namespace, pod }: PodName,
  options: GetOptions,
): Promise<Pod | undefined> {
  try {
    return await client.get<Pod>(PODS, { namespace, name: pod }, options);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    const message = error instanceof Error ? error.message : String(error);
    throw new StreamError("INTERNAL", `the API server did not say where the pod is: ${message}`, {
      cause: error,
    });
  }
}
