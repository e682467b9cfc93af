// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../../delivery/errors.ts";
import type { KubeObject, ObjectName, Resource } from "../../runtime/client.ts";
import { isNotFound } from "../../runtime/errors.ts";
import { ATTACHMENTS, CLAIMS, CONFIG_MAPS, SECRETS, VOLUMES } from "./kinds.ts";
import {
  type Actions,
  type Answer,
  forbidden,
  UplinkRefusal,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import type { UplinkSession } from "./port.ts";

type Judge = (request: UplinkRequest, object: KubeObject) => Promise<boolean>;

interface VolumeObject extends KubeObject {
  readonly spec?: { readonly claimRef?: { readonly namespace?: string; readonly name?: string } };
}
interface AttachmentObject extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
}

/** Reads of objects that the pods of the sender refer to. */
export const queryActions: readonly Actions[] = [
  granted("configmap", CONFIG_MAPS),
  { types: ["secret"], operations: { query: { failure: "text", run: secret } } },
  granted("persistentvolumeclaim", CLAIMS),
  related("persistentvolume", VOLUMES, isOfGrantedClaim),
  related("volumeattachment", ATTACHMENTS, isOnNode),
];

/** Granted by name: nothing is read before the grant is known. */
function granted(type: string, resource: Resource): Actions {
  const run = async (request: UplinkRequest, tools: UplinkTools): Promise<Answer> => {
    const { namespace, name } = request.resource;
    if (!(await request.session.grants.allows(type, namespace, name))) throw forbidden();
    return answerWith(resource, await read(resource, { namespace, name }, { request, tools }));
  };
  return { types: [type], operations: { query: { failure: "text", run } } };
}

const CREDENTIALS: ReadonlySet<string> = new Set([
  "kubernetes.io/dockerconfigjson",
  "kubernetes.io/dockercfg",
]);

/** Granted by a pod; or by an image pull, and then as credentials of registries alone. */
async function secret(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const { resource, session } = request;
  const { namespace, name } = resource;
  const isGranted = await session.grants.allows("secret", namespace, name);
  if (!isGranted && !(await isForPull(session, namespace, name))) throw forbidden();
  const object = await read(SECRETS, { namespace, name }, { request, tools });
  const { type = "" } = object as KubeObject & { readonly type?: string };
  if (!isGranted && !CREDENTIALS.has(type)) throw forbidden("not the credentials of a registry");
  return answerWith(SECRETS, object);
}

async function isForPull({ grants }: UplinkSession, namespace: string, name: string): Promise<boolean> {
  try {
    return (await grants.pullSecret?.(namespace, name)) === true;
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    throw new UplinkRefusal("LATER", "what was ordered is not known just now");
  }
}

/** Granted by what the object says: it is read first, and nobody else learns whether it exists. */
function related(type: string, resource: Resource, judge: Judge): Actions {
  const run = async (request: UplinkRequest, tools: UplinkTools): Promise<Answer> => {
    const object = await readIfThere(resource, { name: request.resource.name }, { request, tools });
    if (object === undefined || !(await judge(request, object))) throw forbidden();
    return answerWith(resource, object);
  };
  return { types: [type], operations: { query: { failure: "text", run } } };
}

async function read(
  resource: Resource,
  name: ObjectName,
  { request, tools }: { request: UplinkRequest; tools: UplinkTools },
): Promise<KubeObject> {
  return await tools.write(request.session, (signal) => tools.client.get(resource, name, { signal }));
}

async function readIfThere(
  resource: Resource,
  name: ObjectName,
  by: { request: UplinkRequest; tools: UplinkTools },
): Promise<KubeObject | undefined> {
  try {
    return await read(resource, name, by);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function answerWith({ group, version, kind }: Resource, object: KubeObject): Answer {
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return { content: { apiVersion, kind, ...object }, resourceVersion: object.metadata.resourceVersion };
}

async function isOfGrantedClaim({ session }: UplinkRequest, volume: VolumeObject): Promise<boolean> {
  const { namespace, name } = volume.spec?.claimRef ?? {};
  if (namespace === undefined || name === undefined) return false;
  return await session.grants.allows("persistentvolumeclaim", namespace, name);
}

function isOnNode({ session }: UplinkRequest, attachment: AttachmentObject): Promise<boolean> {
  return Promise.resolve(attachment.spec?.nodeName === session.node);
}
