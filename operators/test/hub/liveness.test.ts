// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { gen } from "./support/fake-client.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { createRig, eventually, type Rig, type RigOptions } from "./support/rig.ts";
import { ApiError } from "../../src/runtime/errors.ts";

let rig: Rig;
let clock: ManualClock;
afterEach(() => rig.stop());

const start = async (over: RigOptions = {}): Promise<void> => {
  clock = new ManualClock();
  rig = await createRig({ clock, random: () => 0, ...over, options: { sweepMs: 250, ...over.options } });
};

/** Lets the sockets catch up with the clock. */
const settle = async (turns = 20): Promise<void> => {
  for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

const wantConfigMap = (name: string): void => {
  rig.client.put("configmaps", gen.object("ConfigMap", name, { namespace: "default" }));
  rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name });
};

describe("deadlines of a session", () => {
  it("R7 in part: notices a peer that answers nothing within 20 s, and keeps one that answers pings", async () => {
    await start();
    const dead = await rig.ours("n1");
    const alive = await rig.ours("n2");
    dead.ws.pause();
    for (let s = 0; s < 19; s += 1) {
      clock.advance(1_000);
      await settle();
    }
    expect(rig.hub.connectedSessions).toBe(2);
    clock.advance(1_500);
    expect(rig.hub.connectedSessions).toBe(1);
    expect(await rig.metric("longshore_hub_disconnects_total", { reason: "silent" })).toBe(1);
    expect(alive.ws.readyState).toBe(alive.ws.OPEN);
  });

  it("closes a KubeEdge edge without keepalive for 30 s, whatever else it sends", async () => {
    await start();
    const [quiet, loud] = [await rig.edge("n1"), await rig.edge("n2")];
    await Promise.all([quiet.opened, loud.opened]);
    for (let s = 0; s < 31; s += 1) {
      quiet.send({ route: { operation: "patch", resource: "null/nodepatch/n1" } });
      if (s % 15 === 0) loud.keepalive();
      await settle();
      clock.advance(1_000);
      await settle();
    }
    expect((await quiet.closed).reason).toBe("no keepalive");
    expect(loud.ws.readyState).toBe(loud.ws.OPEN);
  });

  it("closes a session when its certificate expires", async () => {
    await start();
    const notAfter = new Date(clock.wallMs() + 5_000);
    const identity = await rig.ca.issue({ subject: "O=system:nodes, CN=system:node:n1", notAfter });
    const edge = await rig.edge("n1", { identity });
    await edge.opened;
    clock.advance(6_000);
    expect(await edge.closed).toEqual({ code: 4401, reason: "certificate expired" });
  });

  it("R19 in part: cuts a peer that reads nothing for 30 s, and keeps little for it", async () => {
    await start({ options: { windowFrames: 64, windowBytes: 1 << 30, pingIntervalMs: 1_000_000 } });
    const stuck = await rig.ours("n1");
    const fine = await rig.ours("n2");
    fine.ackAll();
    await settle();
    stuck.ws.pause();
    for (let i = 0; i < 60; i += 1) {
      const object = gen.object("ConfigMap", `c${i}`, {
        namespace: "default",
        data: { x: "y".repeat(400_000) },
      });
      rig.client.put("configmaps", object);
      rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name: `c${i}` });
    }
    await settle(300);
    const sent = await rig.metric("longshore_hub_messages_total", {
      direction: "down",
      resource: "configmap",
    });
    expect(sent).toBeLessThan(40);
    for (let s = 0; s < 29; s += 1) clock.advance(1_000);
    expect(rig.hub.connectedSessions).toBe(2);
    for (let s = 0; s < 32; s += 1) clock.advance(1_000);
    expect(rig.hub.connectedSessions).toBe(1);
    expect(await rig.metric("longshore_hub_disconnects_total", { reason: "slow_consumer" })).toBe(1);
  });
});

describe("pushes that fail", () => {
  it("R3 in part: sends an unacknowledged version again under the same id, and takes a late ack", async () => {
    await start();
    const edge = await rig.ours("n1");
    wantConfigMap("c");
    const push = await edge.push("default/configmap/c");
    for (let s = 0; s < 27; s += 1) {
      clock.advance(1_000);
      await settle();
    }
    await edge.until(() => edge.pushes().length === 2);
    expect(edge.pushes().map((f) => f.header.msg_id)).toEqual([push.header.msg_id, push.header.msg_id]);
    edge.ack(push);
    await eventually(() => rig.mailbox.box("n1").want.size === 0);
    edge.ack(push);
    await eventually(async () => (await rig.metric("longshore_hub_stray_acks_total")) === 1);
    expect(rig.mailbox.ackLog).toHaveLength(1);
  });

  it("R33 in part: sets a key aside that the edge keeps refusing, delays no other, and tries a newer version", async () => {
    await start({ options: { quarantineAfter: 3 } });
    const edge = await rig.ours("n1");
    edge.onFrame = (frame) => {
      if (frame.route.resource === "default/configmap/bad") {
        edge.session("nack", { id: frame.header.msg_id, code: "BAD", message: "no" });
      } else if (frame.route.group === "resource") edge.ack(frame);
    };
    wantConfigMap("bad");
    for (let i = 0; i < 5; i += 1) {
      wantConfigMap(`good${i}`);
      await edge.push(`default/configmap/good${i}`);
      clock.advance(5_000);
      await settle();
    }
    await eventually(() => rig.mailbox.box("n1").want.size === 1);
    for (let s = 0; s < 60; s += 1) {
      clock.advance(1_000);
      await settle(5);
    }
    const bad = (): number =>
      edge.pushes().filter((f) => f.route.resource === "default/configmap/bad").length;
    expect(bad()).toBe(3);
    expect(await rig.metric("longshore_delivery_quarantined_total")).toBe(1);
    wantConfigMap("bad");
    await edge.until(() => bad() === 4);
  });

  it("backs off a key whose object cannot be read, and never sets it aside for that", async () => {
    await start({ options: { quarantineAfter: 2 } });
    const edge = await rig.ours("n1");
    rig.client.failing = (call) =>
      call.path.startsWith("configmaps")
        ? new ApiError({ code: 503, reason: "ServiceUnavailable", message: "down" })
        : undefined;
    wantConfigMap("c");
    for (let s = 0; s < 40; s += 1) {
      clock.advance(1_000);
      await settle(5);
    }
    expect(edge.pushes()).toEqual([]);
    rig.client.failing = () => undefined;
    for (let s = 0; s < 61; s += 1) {
      clock.advance(1_000);
      await settle(5);
    }
    await edge.push("default/configmap/c");
  });

  it("finds by rescan what no wake-up told", async () => {
    await start();
    const edge = await rig.ours("n1");
    await edge.frame((f) => f.route.operation === "complete");
    const { owner } = rig.mailbox.box("n1");
    delete rig.mailbox.box("n1").owner;
    wantConfigMap("c");
    rig.mailbox.box("n1").owner = owner!;
    for (let s = 0; s < 31; s += 1) {
      clock.advance(1_000);
      await settle(3);
    }
    await edge.push("default/configmap/c");
  });

  it("records acks later when the mailbox is away, without sending again", async () => {
    await start();
    const edge = await rig.ours("n1");
    wantConfigMap("c");
    const push = await edge.push("default/configmap/c");
    rig.mailbox.down = true;
    edge.ack(push);
    await eventually(
      async () => (await rig.metric("longshore_hub_mailbox_errors_total", { operation: "ack" })) > 0,
    );
    rig.mailbox.down = false;
    clock.advance(1_000);
    await eventually(() => rig.mailbox.box("n1").want.size === 0);
    expect(edge.pushes()).toHaveLength(1);
  });
});

describe("the Lease of a node", () => {
  it("is written on keepalive for a negotiated session, owned by its Node, whatever the mailbox does", async () => {
    await start();
    rig.client.put("nodes", gen.object("Node", "n1", { uid: "node-uid" }));
    const edge = await rig.ours("n1");
    rig.mailbox.down = true;
    edge.keepalive();
    const path = "leases/kube-node-lease/n1";
    await eventually(() => rig.client.objects.has(path));
    expect(rig.client.objects.get(path)).toMatchObject({
      metadata: { ownerReferences: [{ kind: "Node", name: "n1", uid: "node-uid" }] },
      spec: {
        holderIdentity: "n1",
        leaseDurationSeconds: 40,
        renewTime: expect.stringMatching(/\.\d{6}Z$/) as unknown,
      },
    });
    edge.keepalive();
    await settle();
    expect(rig.client.count("patch")).toBe(0);
    clock.advance(10_000);
    edge.keepalive();
    await eventually(() => rig.client.count("patch", path) === 1);
  });

  it("is left to a KubeEdge edge", async () => {
    await start();
    const edge = await rig.edge("n1");
    await edge.opened;
    edge.keepalive();
    await settle();
    expect(rig.client.calls.filter((call) => call.path.startsWith("leases"))).toEqual([]);
  });
});
