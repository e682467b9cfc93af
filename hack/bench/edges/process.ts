// SPDX-License-Identifier: Apache-2.0
// Simulated edges, in a process of their own so that their work is not counted as the hub's.
import type { Push } from "./dialect.ts";
import { SimulatedEdge, type NodeIdentity, type Target } from "./edge.ts";
import { EMPTY, type Order, type Progress } from "./messages.ts";

const REPORT_MS = 20;
/** Dials at a time, as a fleet that comes back spreads itself. */
const DIALS = 50;

let progress: Progress = EMPTY;
let told = "";
const edges = new Map<string, SimulatedEdge>();
/** Newest round seen of each object of each node, of the newest round only. */
const atRound = new Map<string, number>();

const count = (change: Partial<Progress>): void => {
  progress = { ...progress, ...change, atMs: Date.now() };
};

function acked(node: string, push: Push): void {
  let { round, atNewest } = progress;
  if (push.round > round) {
    round = push.round;
    atNewest = 0;
  }
  const key = `${node} ${push.resource}`;
  if (push.round === round && push.round > 0 && (atRound.get(key) ?? 0) < round) {
    atRound.set(key, round);
    atNewest += 1;
  }
  count({ acked: progress.acked + 1, round, atNewest });
}

async function add(target: Target, identities: readonly NodeIdentity[]): Promise<void> {
  const waiting = [...identities];
  const dial = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { node } = next;
      const edge = new SimulatedEdge(target, next, {
        opened: (dialedMs) => count({ connected: progress.connected + 1, dialedMs }),
        closed: () => count({ connected: progress.connected - 1 }),
        acked: (push) => acked(node, push),
      });
      edges.set(node, edge);
      await edge.start();
    }
  };
  await Promise.all(Array.from({ length: DIALS }, dial));
}

process.on("message", (message) => {
  const order = message as Order;
  if (order.do === "add") void add(order.target, order.identities);
  if (order.do === "stop") {
    for (const edge of edges.values()) edge.stop();
    edges.clear();
    process.disconnect();
  }
});
const timer = setInterval(() => {
  const now = JSON.stringify(progress);
  if (now !== told) process.send?.(progress);
  told = now;
}, REPORT_MS);
process.once("disconnect", () => {
  clearInterval(timer);
  for (const edge of edges.values()) edge.stop();
});
