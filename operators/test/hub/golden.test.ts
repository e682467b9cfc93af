// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Frame } from "@longshore/crds/wire";
import { readFileSync } from "node:fs";
import { isPush, type Edge } from "./support/edge.ts";
import { gen } from "./support/fake-client.ts";
import { createRig, eventually, type Rig } from "./support/rig.ts";

interface Recorded {
  readonly dir: string;
  readonly msg: Frame;
}

/** Frames that a real EdgeCore sent, acks left out: those are made for the frames that our hub sends. */
function recorded(name: string): Frame[] {
  const text = readFileSync(new URL(`../../../crds/test/golden/${name}.jsonl`, import.meta.url), "utf8");
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);
  return lines
    .filter(({ dir, msg }) => dir === "up" && msg.route.operation !== "response")
    .map(({ msg }) => msg);
}

const NODE = "edge-node";
let rig: Rig;
let edge: Edge;
let inFlight: Map<string, string>;

beforeEach(async () => {
  rig = await createRig({
    handle: (frame, session) => {
      const isRegistration =
        frame.route.operation === "insert" && frame.route.resource === `null/node/${NODE}`;
      const content = isRegistration
        ? {
            Object: { metadata: { name: NODE } },
            Err: { ErrStatus: { status: "Failure", code: 409, reason: "AlreadyExists" } },
          }
        : { Object: {}, Err: null };
      session.send({
        header: {
          msg_id: `reply-to-${frame.header.msg_id}`,
          parent_msg_id: frame.header.msg_id,
          timestamp: 1,
        },
        route: {
          source: "edgecontroller",
          group: "resource",
          operation: "response",
          resource: frame.route.resource ?? "",
        },
        content,
      });
      if (isRegistration) session.pushNode();
    },
  });
  rig.client.put(
    "nodes",
    gen.object("Node", NODE, { resourceVersion: "363", status: { capacity: { cpu: "2" } } }),
  );
  inFlight = new Map();
  edge = await rig.edge(NODE);
  await edge.opened;
  edge.onFrame = (frame) => {
    if (!isPush(frame)) return;
    const resource = frame.route.resource ?? "";
    expect(inFlight.has(resource)).toBe(false);
    inFlight.set(resource, frame.header.msg_id);
    // As late as a slow disk would, so that a second frame of the key would be seen.
    setTimeout(() => {
      inFlight.delete(resource);
      edge.ok(frame);
    }, 2);
  };
});
afterEach(() => rig.stop());

const FILES = [
  "first_join",
  "pod_create",
  "pod_update",
  "secret_pod",
  "secret_update",
  "configmap_update",
  "pod_delete",
  "node_update",
  "idle_60s",
];

describe("towards an EdgeCore, replayed from its recorded frames", () => {
  it.each(FILES)("answers every frame of %s under its parent id and keeps the session", async (name) => {
    const frames = recorded(name);
    for (const frame of frames) edge.ws.send(`${JSON.stringify(frame)}\n`);
    const asked = frames.filter(
      ({ route }) => route.source === "edged" && !route.resource?.includes("/event/"),
    );
    const parents = (): Set<string | undefined> =>
      new Set(edge.frames.map((frame) => frame.header.parent_msg_id));
    await edge.until(() => asked.every((frame) => parents().has(frame.header.msg_id)));
    expect(edge.ws.readyState).toBe(edge.ws.OPEN);
    for (const push of edge.pushes()) expect(push.header.parent_msg_id).toBeUndefined();
  });

  it("pushes the Node in full at connect, before anything else", async () => {
    rig.client.put("pods", gen.object("Pod", "p", { namespace: "default", resourceVersion: "5" }));
    rig.mailbox.want(NODE, { kind: "pod", namespace: "default", name: "p", resourceVersion: "5" });
    await edge.push("default/pod/p");
    const [first] = edge.pushes();
    expect(first?.route).toMatchObject({
      operation: "update",
      resource: `null/node/${NODE}`,
      source: "edgecontroller",
    });
    expect(first?.content).toMatchObject({
      kind: "Node",
      apiVersion: "v1",
      status: { capacity: { cpu: "2" } },
    });
  });

  it("pushes the Node in full right after a 409 on registration", async () => {
    await edge.push(`null/node/${NODE}`);
    await eventually(() => inFlight.size === 0);
    const before = edge.pushes().length;
    const [registration] = recorded("first_join").filter(({ route }) => route.operation === "insert");
    edge.ws.send(JSON.stringify(registration));
    await edge.until(() => edge.pushes().length > before);
    const after = edge.frames.slice(
      edge.frames.findIndex((f) => f.header.parent_msg_id === registration?.header.msg_id),
    );
    const push = after.find(isPush);
    expect(push?.route).toMatchObject({ operation: "update", resource: `null/node/${NODE}` });
    expect(push?.content).toMatchObject({ kind: "Node", apiVersion: "v1", metadata: { uid: `uid-${NODE}` } });
  });

  it("sends in tiers: what others refer to is acknowledged before its users are sent", async () => {
    await eventually(() => edge.pushes().length === 1 && inFlight.size === 0);
    const order: string[] = [];
    const { onFrame } = edge;
    edge.onFrame = (frame) => {
      if (isPush(frame)) order.push(`${frame.route.operation} ${frame.route.resource}`);
      if (
        isPush(frame) &&
        frame.route.resource?.includes("/pod/") === true &&
        frame.route.operation === "insert"
      ) {
        expect([...inFlight.keys()].filter((key) => !key.includes("/pod/"))).toEqual([]);
      }
      onFrame(frame);
    };
    const box = rig.mailbox.box(NODE);
    const { owner } = box;
    delete box.owner; // no wake-up before everything is wanted
    for (const name of ["p1", "p2"]) {
      rig.client.put("pods", gen.object("Pod", name, { namespace: "default" }));
      rig.mailbox.want(NODE, { kind: "pod", namespace: "default", name });
    }
    for (const name of ["c1", "c2"]) {
      rig.client.put("configmaps", gen.object("ConfigMap", name, { namespace: "default" }));
      rig.mailbox.want(NODE, { kind: "configmap", namespace: "default", name });
    }
    rig.mailbox.want(NODE, { kind: "configmap", namespace: "default", name: "old", op: "del" });
    rig.mailbox.want(NODE, { kind: "pod", namespace: "default", name: "old", op: "del" });
    box.owner = owner!;
    rig.mailbox.wake(NODE);
    await eventually(() => box.want.size === 0);
    expect(order.map((line) => line.replace(/[12]$/, ""))).toEqual([
      "delete default/pod/old",
      "delete default/configmap/old",
      "insert default/configmap/c",
      "insert default/configmap/c",
      "insert default/pod/p",
      "insert default/pod/p",
    ]);
  });

  it("answers config, ping and pong messages, and refuses an unknown query in plain text under its parent id", async () => {
    const ping = edge.send({
      route: { source: "websocket", group: "resource", operation: "ping", resource: "x" },
    });
    const answer = await edge.frame((frame) => frame.header.parent_msg_id === ping);
    expect([answer.route.operation, answer.content]).toEqual(["response", "ack"]);
    const query = edge.send({
      route: { source: "edged", group: "meta", operation: "query", resource: "default/unheardof/x" },
    });
    const refusal = await edge.frame((frame) => frame.header.parent_msg_id === query);
    expect(refusal.route).toMatchObject({
      operation: "error",
      group: "resource",
      resource: "default/unheardof/x",
    });
    expect(() => JSON.parse(refusal.content as string) as unknown).toThrow();
  });

  it("survives the empty message that EdgeCore sends on SIGTERM, and broken JSON", async () => {
    edge.ws.send('{"header":{"msg_id":"","timestamp":0},"route":{},"content":null}');
    for (const text of ["{", "null", "[]", '"', '{"header":1}', `${'{"a":'.repeat(40)}1${"}".repeat(40)}`])
      edge.ws.send(text);
    const id = edge.send({ route: { operation: "ping", resource: "x" } });
    await edge.frame((frame) => frame.header.parent_msg_id === id);
    expect(await rig.metric("edge_reject_total")).toBe(7);
  });
});
