// SPDX-License-Identifier: Apache-2.0
import {
  type Actions,
  type Answer,
  done,
  fieldsAt,
  LENIENT,
  objectOf,
  pick,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import { NODES } from "./kinds.ts";
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
  const body = pick(objectOf(request.frame.content), ["status"]);
  const node = await writeStatus(request, tools, body);
  return { content: done(node), resourceVersion: node.metadata.resourceVersion };
}

async function insertStatus(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const { after } = await insertNode(request, tools);
  return { content: "OK", ...(after === undefined ? {} : { after }) };
}

async function updateStatus(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const content = objectOf(request.frame.content);
  const status = "Status" in content ? fieldsAt(content, "Status") : fieldsAt(content, "status");
  const node = await writeStatus(request, tools, { status });
  return { content: "OK", resourceVersion: node.metadata.resourceVersion };
}

/** Nothing but status: through this subresource labels and annotations would be written too. */
async function writeStatus(request: UplinkRequest, tools: UplinkTools, body: object): Promise<NodeObject> {
  const name = requireOwnNode(request);
  return await tools.write(request.session, (signal) =>
    tools.client.patch<NodeObject>(
      NODES,
      { name },
      { type: "strategic", body },
      { ...LENIENT, subresource: "status", signal },
    ),
  );
}
