// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "../../runtime/client.ts";
import {
  type Actions,
  type Answer,
  bad,
  type Fields,
  fieldsAt,
  forbidden,
  LENIENT,
  objectOf,
  pick,
  textAt,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import { EVENTS } from "./kinds.ts";

/** The API server cuts nothing off, so we do. */
const MAX_MESSAGE_CHARS = 1_024;
const FIELDS = [
  "involvedObject",
  "reason",
  "type",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "eventTime",
  "action",
];
const CHANGING = ["lastTimestamp", "count", "series"];

/** events that the sender reports; there is no reply */
export const eventActions: Actions = {
  types: ["event"],
  operations: {
    insert: { failure: "none", run: insertEvent },
    update: { failure: "none", run: changeEvent },
    patch: { failure: "none", run: changeEvent },
  },
};

async function insertEvent(request: UplinkRequest, tools: UplinkTools): Promise<Answer | undefined> {
  const { resource, session } = request;
  const content = objectOf(request.frame.content);
  requireSameNamespace(content, resource.namespace);
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: resource.name, namespace: resource.namespace },
    ...pick(content, FIELDS),
    message: messageOf(content),
    // who reports is what the certificate says, not the event
    source: { component: textAt(fieldsAt(content, "source"), "component") ?? "edge", host: session.node },
  };
  await tools.write(session, (signal) => tools.client.create(EVENTS, event, { ...LENIENT, signal }));
  return undefined;
}

interface EventObject extends KubeObject {
  readonly source?: { readonly host?: string };
}

/** A repeated event counts up. Only the node that reported it may do so. */
async function changeEvent(request: UplinkRequest, tools: UplinkTools): Promise<Answer | undefined> {
  const { resource, session } = request;
  const { namespace, name } = resource;
  const event = await tools.write(session, (signal) =>
    tools.client.get<EventObject>(EVENTS, { namespace, name }, { signal }),
  );
  if (event.source?.host !== session.node) throw forbidden("an event of another node");
  const change = changeOf(objectOf(request.frame.content));
  const message = textAt(change, "message");
  const body = {
    ...pick(change, CHANGING),
    ...(message === undefined ? {} : { message: messageOf(change) }),
  };
  await tools.write(session, (signal) =>
    tools.client.patch(EVENTS, { namespace, name }, { type: "strategic", body }, { ...LENIENT, signal }),
  );
  return undefined;
}

/** An update is an Event; a patch comes as `{event, patchData}`. */
const changeOf = (content: Fields): Fields =>
  "patchData" in content ? objectOf(content["patchData"]) : content;

function requireSameNamespace(content: Fields, namespace: string): void {
  const named = textAt(fieldsAt(content, "metadata"), "namespace");
  if (named !== undefined && named !== namespace) throw bad("the event is of another namespace");
}

const messageOf = (content: Fields): string => (textAt(content, "message") ?? "").slice(0, MAX_MESSAGE_CHARS);
