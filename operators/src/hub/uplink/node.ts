// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "../../runtime/client.ts";
import { isAlreadyExists } from "../../runtime/errors.ts";
import {
  type Actions,
  type Answer,
  bad,
  done,
  failed,
  type Fields,
  fieldsAt,
  LENIENT,
  objectOf,
  pick,
  textAt,
  textMap,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import { EVENTS, NODES } from "./kinds.ts";
import { advertisedStatus, endpointAnnotations, ownNodeOf } from "./node-endpoint.ts";
import { changedKeys, judge, mayAnnotateItself, mayLabelItself, type Judged } from "./node-labels.ts";
import { requireOwnNode } from "./own-node.ts";
import type { NodeEndpoint, UplinkSession } from "./port.ts";

export interface NodeObject extends KubeObject {
  readonly status?: { readonly nodeInfo?: { readonly machineID?: string } };
}

/** Of its spec a node sets only how it registers; the rest is the cluster's. */
const OWN_SPEC = ["taints", "unschedulable", "providerID"];
/** Events of cluster-scoped objects live here. */
const EVENT_NAMESPACE = "default";

/** register, read and relabel the own Node */
export const nodeActions: Actions = {
  types: ["node"],
  operations: {
    insert: { failure: "status", run: insertNode },
    query: { failure: "text", run: queryNode },
    update: { failure: "none", run: updateNode },
  },
};

/** Also for the old `nodestatus` insert. */
export async function insertNode(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const node = requireOwnNode(request);
  const content = objectOf(request.frame.content);
  if (textAt(fieldsAt(content, "metadata"), "name") !== node) throw bad("the Node has another name");
  const { object, dropped } = ownNode(node, content, tools.nodeEndpoint);
  const { session } = request;
  if (dropped.length > 0) await tellDropped(dropped, session, tools);
  try {
    const created = await tools.write(session, (signal) =>
      tools.client.create<NodeObject>(NODES, object, { ...LENIENT, signal }),
    );
    // What an earlier Node of this name acked is not on this edge, unless its inventory says so.
    const answer = done(ownNodeOf(created, tools.nodeEndpoint));
    return { content: answer, after: () => (session.negotiated ? undefined : session.reinstalled()) };
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return {
      content: failed(error, { metadata: { name: node } }),
      after: () => welcomeBack(content, session, tools),
    };
  }
}

/** An edge with an empty store needs its Node now; one with another machine id holds nothing of what was acked. */
async function welcomeBack(content: Fields, session: UplinkSession, tools: UplinkTools): Promise<void> {
  session.pushNode();
  const machine = textAt(fieldsAt(fieldsAt(content, "status"), "nodeInfo"), "machineID");
  if (machine === undefined) return;
  const known = await tools.write(session, (signal) =>
    tools.client.get<NodeObject>(NODES, { name: session.node }, { signal }),
  );
  const knownMachine = known.status?.nodeInfo?.machineID ?? "";
  if (knownMachine !== "" && knownMachine !== machine) await session.reinstalled();
}

function ownNode(
  name: string,
  content: Fields,
  endpoint: NodeEndpoint | undefined,
): { object: object; dropped: string[] } {
  const metadata = fieldsAt(content, "metadata");
  const { labels, annotations } = claimsOf(metadata);
  const status = fieldsAt(content, "status");
  const object = {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      ...{ name, labels: labels.kept },
      annotations: annotationsOf(name, annotations, endpoint),
    },
    spec: pick(fieldsAt(content, "spec"), OWN_SPEC),
    status: endpoint === undefined ? status : advertisedStatus(status, endpoint),
  };
  return { object, dropped: [...changedKeys(labels.dropped), ...changedKeys(annotations.dropped)] };
}

interface Claims {
  readonly labels: Judged;
  readonly annotations: Judged;
}

/** What a node says of itself. */
const claimsOf = (metadata: Fields): Claims => ({
  labels: judge(textMap(fieldsAt(metadata, "labels")), mayLabelItself),
  annotations: judge(textMap(fieldsAt(metadata, "annotations")), mayAnnotateItself),
});

/** A node's own, but never another path to its metrics: it might be that of another node. */
const annotationsOf = (
  name: string,
  { kept }: Judged,
  endpoint: NodeEndpoint | undefined,
): Record<string, string> => ({
  ...kept,
  ...(endpoint === undefined ? {} : endpointAnnotations(name)),
});

async function queryNode(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const name = requireOwnNode(request);
  const node = await tools.write(request.session, (signal) =>
    tools.client.get<NodeObject>(NODES, { name }, { signal }),
  );
  return { content: { apiVersion: "v1", kind: "Node", ...ownNodeOf(node, tools.nodeEndpoint) } };
}

async function updateNode(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const name = requireOwnNode(request);
  const { session } = request;
  const metadata = fieldsAt(objectOf(request.frame.content), "metadata");
  const claims = claimsOf(metadata);
  const dropped = await droppedKeys(claims, session, tools);
  if (dropped.length > 0) await tellDropped(dropped, session, tools);
  const annotations = annotationsOf(name, claims.annotations, tools.nodeEndpoint);
  const body = { metadata: { labels: claims.labels.kept, annotations } };
  const node = await tools.write(session, (signal) =>
    tools.client.patch<NodeObject>(NODES, { name }, { type: "strategic", body }, { ...LENIENT, signal }),
  );
  return { content: "OK", resourceVersion: node.metadata.resourceVersion };
}

/** An EdgeCore repeats all that its Node has: what has that value already is nothing to tell of. */
async function droppedKeys(
  { labels, annotations }: Claims,
  session: UplinkSession,
  tools: UplinkTools,
): Promise<string[]> {
  if (Object.keys({ ...labels.dropped, ...annotations.dropped }).length === 0) return [];
  const { metadata } = await tools.write(session, (signal) =>
    tools.client.get<NodeObject>(NODES, { name: session.node }, { signal }),
  );
  return [
    ...changedKeys(labels.dropped, metadata.labels),
    ...changedKeys(annotations.dropped, metadata.annotations),
  ];
}

/** Counter, log line and an Event on the Node; the Event is best effort. */
async function tellDropped(
  keys: readonly string[],
  session: UplinkSession,
  tools: UplinkTools,
): Promise<void> {
  tools.drop(session, "NODE_LABEL");
  const at = new Date(tools.clock.wallMs()).toISOString().replace(/\.\d+Z$/, "Z");
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: `${session.node}.`, namespace: EVENT_NAMESPACE },
    involvedObject: { apiVersion: "v1", kind: "Node", name: session.node, namespace: "" },
    type: "Warning",
    reason: "LabelDropped",
    message: `labels or annotations that a node may not give itself were dropped: ${keys.slice(0, 8).join(", ").slice(0, 512)}`,
    source: { component: "longshore-hub" },
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  };
  try {
    await tools.client.create(EVENTS, event, { signal: session.signal });
  } catch (error) {
    session.log.warn({ node: session.node, err: error }, "event not written");
  }
}
