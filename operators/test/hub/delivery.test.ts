// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { gen } from "./support/fake-client.ts";
import { MemoryMailbox } from "./support/memory-mailbox.ts";
import { createRig, eventually, type Rig } from "./support/rig.ts";

let rig: Rig;
afterEach(() => rig.stop());

describe("delivery to an edge that speaks our protocol", () => {
  it("sends what is wanted as a whole object with kind, apiVersion, version and digest", async () => {
    rig = await createRig();
    rig.client.put(
      "configmaps",
      gen.object("ConfigMap", "c", { namespace: "default", resourceVersion: "7", data: { a: "1" } }),
    );
    const edge = await rig.ours("n1");
    rig.mailbox.want("n1", {
      kind: "configmap",
      namespace: "default",
      name: "c",
      resourceVersion: "7",
      digest: "x",
    });
    const push = await edge.push("default/configmap/c");
    expect(push.header).toMatchObject({ resourceversion: "7", digest: "x" });
    expect(push.header.parent_msg_id).toBeUndefined();
    expect(push.route).toEqual({
      source: "edgecontroller",
      group: "resource",
      operation: "insert",
      resource: "default/configmap/c",
    });
    expect(push.content).toEqual({
      kind: "ConfigMap",
      apiVersion: "v1",
      data: { a: "1" },
      metadata: { name: "c", namespace: "default", uid: "uid-c", resourceVersion: "7" },
    });
    edge.ack(push);
    await eventually(() => rig.mailbox.box("n1").want.size === 0);
    expect(rig.mailbox.box("n1").acked.get("workload:configmap/default/c")).toMatchObject({
      resourceVersion: "7",
      digest: "x",
    });
  });

  it("says complete once, when nothing is left and the placement is fresh", async () => {
    rig = await createRig();
    rig.mailbox.box("n1").placementPending = true;
    const edge = await rig.ours("n1");
    await eventually(() => rig.mailbox.takes > 0);
    expect(edge.frames.filter((f) => f.route.operation === "complete")).toEqual([]);
    rig.mailbox.box("n1").placementPending = false;
    await edge.frame((f) => f.route.operation === "complete");
    const { takes } = rig.mailbox;
    rig.mailbox.wake("n1");
    await eventually(() => rig.mailbox.takes > takes);
    expect(edge.frames.filter((f) => f.route.operation === "complete")).toHaveLength(1);
  });

  it("tells the edge that its inventory matches, and sends nothing", async () => {
    rig = await createRig();
    const held = { field: "workload:pod/default/p", uid: "u", resourceVersion: "5", digest: "d" };
    rig.mailbox.box("n1").acked.set(held.field, held);
    const edge = await rig.edge("n1", { negotiate: true });
    const headers = await edge.opened;
    expect(headers["longshore-protocol"]).toBe("1");
    const reply = await edge.greet([["pod/default/p", "u", "5", "d"]]);
    expect(reply).toMatchObject({
      inventory: "match",
      clusterEpoch: 1,
      sessionEpoch: 1,
      leaseDurationSeconds: 40,
    });
    await edge.frame((f) => f.route.operation === "complete");
    expect(edge.pushes()).toEqual([]);
  });

  it("replaces what is recorded by the inventory where they differ", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    expect(await edge.greet([["pod/default/p", "u", "5", "d"]])).toMatchObject({ inventory: "send" });
    await edge.frame((f) => f.route.operation === "complete");
    expect([...rig.mailbox.box("n1").acked.keys()]).toEqual(["workload:pod/default/p"]);
  });

  it("turns a put of an object that is gone into a delete of its uid", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    rig.mailbox.want("n1", { kind: "pod", namespace: "default", name: "p", uid: "u1", resourceVersion: "5" });
    const push = await edge.push("default/pod/p");
    expect(push.route.operation).toBe("delete");
    expect(push.content).toEqual({ metadata: { name: "p", namespace: "default", uid: "u1" } });
    edge.ack(push);
    await eventually(() => rig.mailbox.ackLog.some(({ acked }) => acked.op === "del" && acked.uid === "u1"));
  });

  it("R4 in part: deletes the old uid when another object took the name, and never sends the old version", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    edge.ackAll();
    rig.client.put(
      "pods",
      gen.object("Pod", "p", { namespace: "default", uid: "new", resourceVersion: "9" }),
    );
    rig.mailbox.want("n1", {
      kind: "pod",
      namespace: "default",
      name: "p",
      uid: "old",
      op: "del",
      field: "workload:del:pod/default/p#old",
    });
    rig.mailbox.want("n1", {
      kind: "pod",
      namespace: "default",
      name: "p",
      uid: "new",
      resourceVersion: "9",
    });
    await eventually(() => rig.mailbox.box("n1").want.size === 0);
    expect(
      edge
        .pushes()
        .map((f) => [f.route.operation, (f.content as { metadata: { uid: string } }).metadata.uid]),
    ).toEqual([
      ["delete", "old"],
      ["insert", "new"],
    ]);
  });

  it("goes on with the new object as soon as the delete of the old one is acknowledged, also late in a session", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    edge.ackAll();
    await edge.frame((f) => f.route.operation === "complete");
    rig.client.put(
      "pods",
      gen.object("Pod", "p", { namespace: "default", uid: "new", resourceVersion: "9" }),
    );
    const { owner } = rig.mailbox.box("n1");
    delete rig.mailbox.box("n1").owner; // one wake-up for both
    const field = "workload:del:pod/default/p#old";
    rig.mailbox.want("n1", { kind: "pod", namespace: "default", name: "p", uid: "old", op: "del", field });
    rig.mailbox.want("n1", {
      kind: "pod",
      namespace: "default",
      name: "p",
      uid: "new",
      resourceVersion: "9",
    });
    rig.mailbox.box("n1").owner = owner!;
    rig.mailbox.wake("n1");
    await edge.push("default/pod/p", "insert");
  });

  it("reads consistently when the API server's cache is older than what is wanted", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    const old = gen.object("Pod", "p", { namespace: "default", resourceVersion: "5" });
    rig.client.stale.set("pods/default/p", old);
    rig.client.put("pods", gen.object("Pod", "p", { namespace: "default", resourceVersion: "8" }));
    rig.mailbox.want("n1", { kind: "pod", namespace: "default", name: "p", resourceVersion: "8" });
    expect((await edge.push("default/pod/p")).header.resourceversion).toBe("8");
    expect(rig.grants.sent).toEqual(["p"]);
  });

  it("R20 in part: reads and encodes an object of 900 KiB once for twenty nodes, and each gets the newest", async () => {
    const encode = jest.spyOn(JSON, "stringify");
    rig = await createRig();
    const nodes = Array.from({ length: 20 }, (_, i) => `n${i}`);
    const edges = await Promise.all(nodes.map((node) => rig.ours(node)));
    for (const edge of edges) edge.ackAll();
    for (const resourceVersion of ["3", "4"]) {
      const data = { x: resourceVersion.repeat(900 * 1024) };
      rig.client.put(
        "configmaps",
        gen.object("ConfigMap", "hot", { namespace: "default", resourceVersion, data }),
      );
      for (const node of nodes)
        rig.mailbox.want(node, { kind: "configmap", namespace: "default", name: "hot", resourceVersion });
      await eventually(() => nodes.every((node) => rig.mailbox.box(node).want.size === 0));
    }
    const versions = edges.map((edge) => edge.pushes().map(({ header }) => header.resourceversion));
    expect(versions).toEqual(nodes.map(() => ["3", "4"]));
    expect(rig.client.count("get", "configmaps/default/hot")).toBe(2);
    const encoded = encode.mock.calls.filter(
      ([value]) => (value as { kind?: string } | null)?.kind === "ConfigMap",
    );
    expect(encoded).toHaveLength(2);
    encode.mockRestore();
  });

  it("lists the pods of a node once when it wants many", async () => {
    rig = await createRig();
    for (let i = 0; i < 20; i += 1) {
      rig.client.put(
        "pods",
        gen.object("Pod", `p${i}`, { namespace: "default", resourceVersion: "3", spec: { nodeName: "n1" } }),
      );
      rig.mailbox.want("n1", { kind: "pod", namespace: "default", name: `p${i}`, resourceVersion: "3" });
    }
    const edge = await rig.ours("n1");
    edge.ackAll();
    await eventually(() => rig.mailbox.box("n1").want.size === 0);
    expect(rig.client.count("list", "pods?spec.nodeName=n1")).toBe(1);
    expect(rig.client.count("get")).toBe(0);
  });

  it("never has two versions of one key in flight, and ends with the newest", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    const versions: string[] = [];
    let inFlight = 0;
    edge.onFrame = (frame) => {
      if (frame.route.resource !== "default/configmap/c") return;
      inFlight += 1;
      expect(inFlight).toBe(1);
      versions.push(frame.header.resourceversion ?? "");
      setImmediate(() => {
        inFlight -= 1;
        edge.ack(frame);
      });
    };
    for (let i = 1; i <= 50; i += 1) {
      const resourceVersion = String(i);
      rig.client.put("configmaps", gen.object("ConfigMap", "c", { namespace: "default", resourceVersion }));
      rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name: "c", resourceVersion });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => rig.mailbox.box("n1").want.size === 0);
    expect(versions.at(-1)).toBe("50");
    expect(versions.map(Number)).toEqual(versions.map(Number).toSorted((a, b) => a - b));
  });

  it("R16 in part: greets an edge while the mailbox is away, and delivers when it is back", async () => {
    rig = await createRig();
    rig.mailbox.down = true;
    rig.client.put("configmaps", gen.object("ConfigMap", "c", { namespace: "default" }));
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    await edge.greet();
    edge.keepalive();
    edge.send({
      route: { source: "edged", group: "meta", operation: "patch", resource: "null/nodepatch/n1" },
      content: "{}",
    });
    await eventually(() => rig.handled.length === 1 && rig.client.count("create") === 1);
    rig.mailbox.down = false;
    rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name: "c" });
    await edge.push("default/configmap/c");
  });

  it("R16 in part: listens although the wake-ups cannot start, and delivers what was wanted once they can", async () => {
    const memory = new MemoryMailbox();
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const { wakeups } = memory;
    rig = await createRig({
      memory,
      wakeups: { start: (handlers) => begun.then(() => wakeups.start(handlers)), stop: () => wakeups.stop() },
    });
    const edge = await rig.ours("n1");
    await edge.frame((f) => f.route.operation === "complete");
    rig.client.put("configmaps", gen.object("ConfigMap", "c", { namespace: "default" }));
    rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name: "c" });
    begin();
    await edge.push("default/configmap/c");
  });

  it("asks only now and then for a Node that is wanted and not there", async () => {
    rig = await createRig();
    rig.mailbox.want("n1", { kind: "node", name: "n1" });
    await rig.ours("n1");
    await eventually(() => rig.client.calls.length > 0);
    const { takes } = rig.mailbox;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(rig.mailbox.takes - takes).toBeLessThan(5);
  });

  it("R5 in part: closes every session for a fresh greeting when the store went back in time", async () => {
    rig = await createRig();
    const [one, two] = [await rig.ours("n1"), await rig.ours("n2")];
    rig.client.revision = 500;
    rig.mailbox.observeResourceVersion("9000").catch(() => undefined);
    rig.mailbox.want("n1", {
      kind: "pod",
      namespace: "default",
      name: "p",
      uid: "u",
      resourceVersion: "8000",
    });
    expect(await one.closed).toEqual({ code: 4503, reason: "resync retryAfter=1" });
    expect((await two.closed).code).toBe(4503);
  });
});
