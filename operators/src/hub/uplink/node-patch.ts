// SPDX-License-Identifier: Apache-2.0
import {
  type Actions,
  type Answer,
  done,
  type Fields,
  fieldsAt,
  LENIENT,
  objectOf,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import { NODES } from "./kinds.ts";
import { advertiseNode } from "./node-advertise.ts";
import { advertisedPatch, ownNodeOf } from "./node-endpoint.ts";
import { insertNode, type NodeObject } from "./node.ts";
import { requireOwnNode } from "./own-node.ts";

/** status of the own Node */
export const nodePatchActions: Actions = {
  types: ["nodepatch"],
  operations: { patch: { failure: "status", isWholeState: true, run: patchStatus } },
};

/** status as edges before 1.11 send it: no reply when it fails, they repeat */
export const nodeStatusActions: Actions = {
  types: ["nodestatus"],
  operations: {
    insert: { failure: "none", run: insertStatus },
    update: { failure: "none", run: updateStatus },
  },
};

async function patchStatus(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const content = objectOf(request.frame.content);
  const node = await writeStatus(request, tools, fieldsAt(content, "status"));
  return {
    content: done(ownNodeOf(node, tools.nodeEndpoint)),
    resourceVersion: node.metadata.resourceVersion,
    after: () => advertise(request, node, tools),
  };
}

async function insertStatus(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const { after } = await insertNode(request, tools);
  return { content: "OK", ...(after === undefined ? {} : { after }) };
}

async function updateStatus(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const content = objectOf(request.frame.content);
  const status = "Status" in content ? fieldsAt(content, "Status") : fieldsAt(content, "status");
  const node = await writeStatus(request, tools, status);
  return {
    content: "OK",
    resourceVersion: node.metadata.resourceVersion,
    after: () => advertise(request, node, tools),
  };
}

/** Nothing but status of what the edge sent: through this subresource labels and annotations are written too. */
async function writeStatus(request: UplinkRequest, tools: UplinkTools, status: Fields): Promise<NodeObject> {
  const name = requireOwnNode(request);
  const { nodeEndpoint: endpoint } = tools;
  const body = endpoint === undefined ? { status } : advertisedPatch(name, status, endpoint);
  return await tools.write(request.session, (signal) =>
    tools.client.patch<NodeObject>(
      NODES,
      { name },
      { type: "strategic", body },
      { ...LENIENT, subresource: "status", signal },
    ),
  );
}

/** An EdgeCore that was here before reports nothing that has not changed. Our agent tells everything each time. */
async function advertise(request: UplinkRequest, known: NodeObject, tools: UplinkTools): Promise<void> {
  const { nodeEndpoint: endpoint, client } = tools;
  const { session } = request;
  if (endpoint === undefined || session.negotiated) return;
  await tools.write(session, (signal) =>
    advertiseNode(client, { name: session.node, known }, { endpoint, signal }),
  );
}
