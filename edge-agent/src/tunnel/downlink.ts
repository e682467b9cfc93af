// SPDX-License-Identifier: Apache-2.0
import {
  formatKey,
  isResourceVersion,
  parseResource,
  SESSION_GROUP,
  type Frame,
  type NackCode,
  type ResourcePath,
} from "@longshore/crds/wire";
import type { StoreChange } from "../store/port.ts";

/** What a frame from the cloud is, in the order in which KubeEdge's edge looks (wire format, section 3). */
export type FrameKind = "control" | "session" | "reply" | "push" | "task" | "other";

const CONTROL = new Set(["config", "ping", "pong"]);
const CHANGES = new Set(["insert", "update", "delete"]);
const PUSH_GROUPS = new Set(["resource", "func"]);
/** A CloudCore orders tasks of jobs in this group; our hub pushes them as objects. */
const TASK_GROUP = "taskmanager";

/** Tells what a frame is by its operation, parent and group. */
export function kindOf(frame: Frame): FrameKind {
  const { operation = "", group = "" } = frame.route;
  if (CONTROL.has(operation)) return "control";
  if (frame.header.parent_msg_id) return "reply";
  if (group === SESSION_GROUP) return "session";
  if (group === TASK_GROUP) return "task";
  return PUSH_GROUPS.has(group) && CHANGES.has(operation) ? "push" : "other";
}

/** Resource types whose objects are kept; everything else is refused. */
export const STORED_TYPES: ReadonlySet<string> = new Set([
  "node",
  "pod",
  "configmap",
  "secret",
  "device",
  "devicemodel",
  "serviceaccountaccess",
  "persistentvolume",
  "persistentvolumeclaim",
  "volumeattachment",
  "nodeupgradejob",
  "imageprepulljob",
  "configupdatejob",
]);

/** Why a push is not stored. */
export interface Refusal {
  readonly code: NackCode;
  /** For people; never holds content of the frame. */
  readonly message: string;
}

/** What a push is judged by. */
export interface PushContext {
  readonly node: string;
  readonly clusterEpoch: number;
}

type Outcome = { readonly change: StoreChange } | { readonly refusal: Refusal };

const refusal = (code: NackCode, message: string): Refusal => ({ code, message });

interface Meta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Turns a push, or a query's reply that holds an object, into a change of the store. */
export function toChange(frame: Frame, context: PushContext): Outcome {
  const resource = resourceOf(frame);
  if (resource === undefined)
    return { refusal: refusal("INVALID_RESOURCE", "the resource path is malformed") };
  const meta = metaOf(frame);
  const refused = refuseAddress(resource, meta, context) ?? refuseContent(frame, resource, meta, context);
  if (refused !== undefined) return { refusal: refused };
  const { namespace, type: kind, name } = resource;
  const key = formatKey({ kind, namespace, name });
  const uid = meta?.uid ?? "";
  if (frame.route.operation === "delete") return { change: { op: "delete", key, uid } };
  const { clusterEpoch } = context;
  const { digest = "" } = frame.header;
  const resourceVersion = meta?.resourceVersion ?? "";
  const address = { key, kind, namespace, name };
  return {
    change: {
      op: "put",
      object: { ...address, uid, resourceVersion, digest, clusterEpoch, value: frame.content },
    },
  };
}

function refuseAddress(
  { type, namespace, name }: ResourcePath,
  meta: Meta | undefined,
  context: PushContext,
): Refusal | undefined {
  if (!STORED_TYPES.has(type)) return refusal("UNSUPPORTED", "objects of this type are not kept here");
  if (type === "node" && name !== context.node) return refusal("FORBIDDEN", "this is another node's object");
  const disagrees = meta !== undefined && (meta.name !== name || meta.namespace !== namespace);
  return disagrees ? refusal("INVALID_RESOURCE", "path and object name different things") : undefined;
}

function refuseContent(
  frame: Frame,
  { type }: ResourcePath,
  meta: Meta | undefined,
  context: PushContext,
): Refusal | undefined {
  if (frame.route.operation === "delete") return undefined;
  if (meta === undefined) return refusal("BAD", "the content is not an object with metadata");
  if (meta.uid === "") return refusal("BAD", "the object has no uid");
  if (!isResourceVersion(meta.resourceVersion))
    return refusal("BAD", "the resourceVersion is not a decimal number");
  const elsewhere = type === "pod" && boundElsewhere(frame.content, context.node);
  return elsewhere ? refusal("FORBIDDEN", "this pod is bound to another node") : undefined;
}

function resourceOf(frame: Frame): ResourcePath | undefined {
  try {
    return parseResource(frame.route.resource ?? "");
  } catch {
    return undefined; // the caller names and counts it
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function metaOf(frame: Frame): Meta | undefined {
  const meta = isRecord(frame.content) ? frame.content["metadata"] : undefined;
  if (!isRecord(meta)) return undefined;
  const resourceVersion = text(meta["resourceVersion"]) || (frame.header.resourceversion ?? "");
  return {
    name: text(meta["name"]),
    namespace: text(meta["namespace"]),
    uid: text(meta["uid"]),
    resourceVersion,
  };
}

function boundElsewhere(content: unknown, node: string): boolean {
  const spec = isRecord(content) ? content["spec"] : undefined;
  const nodeName = isRecord(spec) ? text(spec["nodeName"]) : "";
  return nodeName !== "" && nodeName !== node;
}
