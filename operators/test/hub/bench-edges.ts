// SPDX-License-Identifier: Apache-2.0
import { WebSocket } from "ws";
import { inventoryDigest } from "@longshore/crds/wire";
import type { Identity } from "./support/pki.ts";

// The edges of bench.ts, in a process of their own so that their work is not counted.
const { port, edges, ca } = JSON.parse(process.env["BENCH"] ?? "{}") as {
  port: number;
  edges: number;
  ca: string;
};
const session = (operation: string, content: object): string =>
  JSON.stringify({
    header: { msg_id: crypto.randomUUID(), timestamp: 1 },
    route: { source: "edged", group: "longshore", operation, resource: "session" },
    content,
  });

function connect(node: string, identity: Identity): Promise<void> {
  const headers = { node_id: node, project_id: "p", ConnectionUse: "msg", "Longshore-Protocol": "1" };
  const ws = new WebSocket(`wss://127.0.0.1:${port}/p/${node}/events`, {
    ca,
    ...identity,
    headers,
    perMessageDeflate: false,
  });
  const facts = { agentVersion: "b", machineId: "m", bootId: "b" };
  const hello = {
    sessionEpoch: 0,
    clusterEpoch: 1,
    inventoryDigest: inventoryDigest([]),
    inventoryCount: 0,
    ...facts,
  };
  let ids: string[] = [];
  ws.on("message", (data: Buffer) => {
    const text = data.toString("utf8", 0, 200);
    if (text.includes('"parent_msg_id"')) return;
    const id = /"msg_id":"([^"]+)"/.exec(text)?.[1] ?? "";
    if (ids.push(id) > 1) return;
    setImmediate(() => {
      ws.send(session("ack", { ids }));
      ids = [];
    });
  });
  return new Promise((resolve, reject) => {
    ws.on("error", reject);
    ws.on("open", () => {
      ws.send(session("hello", hello));
      resolve();
    });
  });
}

const waiting = new Map<string, (identity: Identity) => void>();
process.on("message", (message) => {
  const { node, identity } = message as { node: string; identity: Identity };
  waiting.get(node)?.(identity);
});
for (let e = 0; e < edges; e += 1) {
  const node = `n${e}`;
  const identity = await new Promise<Identity>((resolve) => {
    waiting.set(node, resolve);
    process.send?.({ issue: node });
  });
  await connect(node, identity);
}
