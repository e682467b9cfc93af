// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { NodeStanding } from "../../../src/delivery/index.ts";
import { unreachedBy } from "../../../src/node-job/shell/standings.ts";
import type { StoredJob } from "../../../src/node-job/shell/stored-job.ts";

const task = { nodeName: "edge-0", phase: "InProgress", attempt: 2 } as const;
const job = {
  metadata: { name: "up", uid: "u", resourceVersion: "7" },
  status: { phase: "InProgress", nodeStatus: [task] },
  orderDigest: (attempt: number, salt: string) => `digest ${attempt}${salt}`,
} as unknown as StoredJob;
const order = { node: "edge-0", kind: "nodeupgradejob", salt: "" };

const acked = (attempt: number) => ({ uid: "u", resourceVersion: "5", digest: `digest ${attempt}` });
type Node = Partial<Omit<NodeStanding, "objects">> & NodeStanding["objects"][number];
const waiting: Node = { isPending: true };

/** @param looks what delivery says, look by look */
async function ask(...looks: readonly Node[]): Promise<{ isUnreached: boolean; did: string[] }> {
  const [did, rest] = [[] as string[], looks.values()];
  const unreached = await unreachedBy(
    {
      outbox: {
        standing() {
          did.push("look");
          const { isConnected = false, isEstablished = true, ...object } = rest.next().value as Node;
          return Promise.resolve({ isConnected, isEstablished, objects: [object] });
        },
      },
      recall: (_, node) => Promise.resolve(void did.push(`recall ${node}`)),
    },
    job,
    [order],
  );
  return { isUnreached: unreached.has("edge-0"), did };
}

describe("a task that is silent for too long", () => {
  it("waits again only once its order is out of the mailbox", async () => {
    const answer = await ask(waiting, { isPending: false });
    expect(answer).toEqual({ isUnreached: true, did: ["look", "recall edge-0", "look"] });
  });

  it.each([
    { node: "is connected", look: { ...waiting, isConnected: true } },
    { node: "has its order", look: { acked: acked(2), isPending: false } },
    {
      node: "has an order that is known no more",
      look: { acked: { ...acked(2), digest: "" }, isPending: false },
    },
    { node: "is one that delivery knows nothing of", look: { ...waiting, isEstablished: false } },
  ])("keeps its order where the node $node", async ({ look }) => {
    expect(await ask(look)).toEqual({ isUnreached: false, did: ["look"] });
  });

  it.each([
    { since: "took its order", look: { acked: acked(2), isPending: true }, isUnreached: false },
    {
      since: "is connected, and may have it",
      look: { isPending: true, isConnected: true },
      isUnreached: false,
    },
    {
      since: "is connected, too late for it",
      look: { isPending: false, isConnected: true },
      isUnreached: true,
    },
    {
      since: "has that of an earlier attempt",
      look: { acked: acked(1), isPending: true },
      isUnreached: true,
    },
    { since: "is still away", look: { isPending: true }, isUnreached: true },
  ])("E2 is unreached: $isUnreached, where the node $since before that", async ({ look, isUnreached }) => {
    expect((await ask(waiting, look)).isUnreached).toBe(isUnreached);
  });
});
