// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { LEASES, NODES } from "../../../src/hub/uplink/kinds.ts";
import { apiError } from "./fake-client.ts";
import { uplinkBench } from "./bench.ts";
import { expectOneRefusal } from "./one-refusal.ts";

const nodeObject = (labels: Record<string, string> = {}, more: object = {}) => ({
  metadata: { name: "edge-1", labels: { "node-role.kubernetes.io/edge": "", ...labels }, finalizers: ["x"] },
  spec: { taints: [{ key: "a", effect: "NoSchedule" }], podCIDR: "10.0.0.0/8" },
  status: { nodeInfo: { machineID: "m1" } },
  ...more,
});

describe("a node registers", () => {
  it("and gets an ObjectResp with the created Node", async () => {
    const bench = uplinkBench();
    const reply = await bench.ask("insert", "null/node/edge-1", nodeObject());
    expect(reply?.header.parent_msg_id).toBe("m1");
    expect(reply?.route).toEqual({
      source: "edgecontroller",
      group: "resource",
      operation: "response",
      resource: "null/node/edge-1",
    });
    expect(reply?.content).toMatchObject({
      Object: { metadata: { name: "edge-1", uid: "uid-edge-1" } },
      Err: null,
    });
    expect(bench.told).toEqual(["reinstalled"]);
  });

  it("with only what it may say about itself", async () => {
    const bench = uplinkBench();
    await bench.ask("insert", "null/node/edge-1", nodeObject());
    expect(bench.client.calls[0]?.body).toEqual({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "edge-1", labels: { "node-role.kubernetes.io/edge": "" }, annotations: {} },
      spec: { taints: [{ key: "a", effect: "NoSchedule" }] },
      status: { nodeInfo: { machineID: "m1" } },
    });
  });

  it("S30 without labels that the cluster keeps for itself, and an Event tells", async () => {
    const bench = uplinkBench();
    const labels = {
      "node-restriction.kubernetes.io/zone": "secure",
      "x.node-restriction.kubernetes.io/y": "1",
      "node-role.kubernetes.io/control-plane": "",
      "node-role.kubernetes.io/agent": "",
      "kubernetes.io/os": "linux",
      own: "1",
    };
    await bench.ask("insert", "null/node/edge-1", nodeObject(labels));
    const node = bench.client.find(NODES, { name: "edge-1" });
    expect(Object.keys(node?.metadata.labels ?? {})).toEqual([
      "node-role.kubernetes.io/edge",
      "node-role.kubernetes.io/agent",
      "kubernetes.io/os",
      "own",
    ]);
    expect(bench.client.calls.map(({ verb, plural }) => `${verb} ${plural}`)).toEqual([
      "create events",
      "create nodes",
    ]);
    expect(bench.client.calls[0]?.body).toMatchObject({
      reason: "LabelDropped",
      involvedObject: { name: "edge-1" },
    });
    expect(await bench.rejected("NODE_LABEL")).toBe(1);
  });

  it("again: 409 with Object and Err, and the whole Node is pushed right after that reply", async () => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    const reply = await bench.ask("insert", "null/node/edge-1", nodeObject());
    expect(reply?.content).toEqual({
      Object: { metadata: { name: "edge-1" } },
      Err: {
        ErrStatus: {
          metadata: {},
          status: "Failure",
          message: "AlreadyExists",
          reason: "AlreadyExists",
          code: 409,
        },
      },
    });
    expect(bench.told).toEqual(["pushNode after 1"]);
  });

  it("again from another machine: what the first acked is void", async () => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    await bench.ask(
      "insert",
      "null/node/edge-1",
      nodeObject({}, { status: { nodeInfo: { machineID: "m2" } } }),
    );
    expect(bench.told).toEqual(["pushNode after 1", "reinstalled"]);
  });

  it("B68 only as itself", async () => {
    const bench = uplinkBench();
    const other = await bench.ask("insert", "null/node/edge-2", nodeObject());
    expect(other?.content).toMatchObject({
      Object: null,
      Err: { ErrStatus: { code: 403, reason: "Forbidden" } },
    });
    expect(bench.client.calls).toEqual([]);
    await expectOneRefusal(bench, "FORBIDDEN");
  });

  it("B68 only under its own name", async () => {
    const bench = uplinkBench();
    const renamed = await bench.ask("insert", "null/node/edge-1", { metadata: { name: "edge-2" } });
    expect(renamed?.content).toMatchObject({ Err: { ErrStatus: { code: 400 } } });
    expect(bench.client.calls).toEqual([]);
    await expectOneRefusal(bench, "BAD");
  });

  it("even while the API server stumbles", async () => {
    const bench = uplinkBench();
    bench.client.failures = [
      apiError(0, "ConnectionFailed"),
      apiError(429, "TooManyRequests"),
      apiError(500, "Internal"),
    ];
    const reply = await bench.ask("insert", "null/node/edge-1", nodeObject());
    expect(reply?.content).toMatchObject({ Err: null });
    expect(bench.client.calls).toHaveLength(4);
  });

  it("and is told 503 when the API server stays away", async () => {
    const bench = uplinkBench();
    bench.client.failures = Array.from({ length: 9 }, () => apiError(0, "ConnectionFailed"));
    const reply = await bench.ask("insert", "null/node/edge-1", nodeObject());
    expect(reply?.content).toMatchObject({ Err: { ErrStatus: { status: "Failure", code: 503 } } });
    expect(bench.client.calls).toHaveLength(5);
  });

  it("but nothing is written or said after its session ended", async () => {
    const bench = uplinkBench();
    bench.ended.abort();
    await bench.handle(bench.frame("insert", "null/node/edge-1", nodeObject()));
    expect(bench.client.calls).toEqual([]);
    expect(bench.sent).toEqual([]);
  });
});

describe("a node's own Node", () => {
  it("is read raw, with kind and apiVersion", async () => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    const reply = await bench.ask("query", "null/node/edge-1");
    expect(reply?.content).toMatchObject({ apiVersion: "v1", kind: "Node", metadata: { name: "edge-1" } });
  });

  it("B69 is relabelled without taints and kept labels", async () => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    const labels = { own: "2", "node-restriction.kubernetes.io/zone": "x" };
    const reply = await bench.ask("update", "null/node/edge-1", {
      metadata: { labels },
      spec: { taints: [] },
    });
    expect(reply?.content).toBe("OK");
    expect(reply?.header.resourceversion).toMatch(/^\d+$/);
    const patch = bench.client.calls.find(({ verb }) => verb === "patch");
    expect(patch?.body).toEqual({ metadata: { labels: { own: "2" }, annotations: {} } });
  });

  it.each([
    ["labels", "apps.kubeedge.io/belonging-to"],
    ["labels", "version.longshore.io/0123456789abcdef"],
    ["labels", "longshore.io/protected"],
    ["labels", "node-restriction.kubernetes.io/zone"],
    ["labels", "$patch"],
    ["annotations", "longshore.io/node-group"],
    ["annotations", "longshore.io/node-group-left"],
    ["annotations", "$patch"],
  ])("B69 gets none of the cluster's %s from it: %s", async (field, key) => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    const metadata = { [field]: { [key]: "mine", own: "2" } };
    await bench.ask("update", "null/node/edge-1", { metadata });
    const patch = bench.client.calls.find(({ verb }) => verb === "patch");
    expect(patch?.body).toMatchObject({ metadata: { [field]: { own: "2" } } });
    expect(JSON.stringify(patch?.body)).not.toContain(key);
    const event = bench.client.calls.find(({ plural }) => plural === "events");
    expect(event?.body).toMatchObject({ reason: "LabelDropped" });
    expect(await bench.rejected("NODE_LABEL")).toBe(1);

    const fresh = uplinkBench();
    await fresh.ask("insert", "null/node/edge-1", {
      ...nodeObject(),
      metadata: { name: "edge-1", ...metadata },
    });
    const created = fresh.client.calls.find(({ verb, plural }) => verb === "create" && plural === "nodes");
    expect(created?.body).toMatchObject({ metadata: { [field]: { own: "2" } } });
    expect(JSON.stringify(created?.body)).not.toContain(key);
    expect(await fresh.rejected("NODE_LABEL")).toBe(1);
  });

  it("B69 is not accused when it repeats what the cluster gave it, which is not written again", async () => {
    const bench = uplinkBench();
    const given = {
      labels: { "apps.kubeedge.io/belonging-to": "hangzhou", "node-restriction.kubernetes.io/zone": "x" },
      annotations: { "longshore.io/node-group": '{"group":"hangzhou"}' },
    };
    bench.client.put(NODES, { metadata: { name: "edge-1", ...given } });
    const metadata = { ...given, labels: { ...given.labels, own: "2" } };
    const reply = await bench.ask("update", "null/node/edge-1", { metadata });
    expect(reply?.content).toBe("OK");
    expect(bench.client.calls.map(({ verb, plural }) => `${verb} ${plural}`)).toEqual([
      "get nodes",
      "patch nodes",
    ]);
    const patch = bench.client.calls.find(({ verb }) => verb === "patch");
    expect(patch?.body).toEqual({ metadata: { labels: { own: "2" }, annotations: {} } });
    expect(await bench.rejected("NODE_LABEL")).toBe(0);
  });

  it("B69 cannot be deleted by it", async () => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    const reply = await bench.ask("delete", "null/node/edge-1");
    expect(reply?.route.operation).toBe("error");
    expect(bench.client.calls).toEqual([]);
    await expectOneRefusal(bench, "UNSUPPORTED");
  });

  it("gets its status by strategic merge patch on the subresource, and nothing but status", async () => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    const patch =
      '{"metadata":{"labels":{"node-restriction.kubernetes.io/a":"b"}},"spec":{"taints":null},"status":{"a":1}}';
    const reply = await bench.ask("patch", "null/nodepatch/edge-1", patch);
    expect(bench.client.calls).toMatchObject([
      { verb: "patch", body: { status: { a: 1 } }, options: { subresource: "status" } },
    ]);
    expect(reply?.content).toMatchObject({ Object: { metadata: { name: "edge-1" } }, Err: null });
    expect(reply?.header.resourceversion).toMatch(/^\d+$/);
  });

  it("answers the empty patch that EdgeCore starts with", async () => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    expect((await bench.ask("patch", "null/nodepatch/edge-1", "{}"))?.content).toMatchObject({ Err: null });
  });

  it("takes the deprecated nodestatus", async () => {
    const bench = uplinkBench();
    bench.client.put(NODES, nodeObject());
    const reply = await bench.ask("update", "default/nodestatus/edge-1", { UID: "u", Status: { b: 2 } });
    expect(reply?.content).toBe("OK");
    expect(bench.client.calls).toMatchObject([
      { body: { status: { b: 2 } }, options: { subresource: "status" } },
    ]);
  });

  it.each([
    ["null/nodepatch/edge-2", "patch", "{}"],
    ["default/nodestatus/edge-2", "update", {}],
    ["null/node/edge-2", "update", {}],
    ["null/node/edge-2", "query", null],
  ])("B68 %s of another node is refused", async (resource, operation, content) => {
    const bench = uplinkBench();
    bench.client.put(NODES, { metadata: { name: "edge-2" } });
    await bench.ask(operation, resource, content);
    expect(bench.client.calls).toEqual([]);
    await expectOneRefusal(bench, "FORBIDDEN");
  });
});

describe("the node's Lease", () => {
  const lease = {
    metadata: { name: "edge-1" },
    spec: { holderIdentity: "x", leaseDurationSeconds: 40, renewTime: "t" },
  };

  it("is missing, created, renewed: each an ObjectResp", async () => {
    const bench = uplinkBench();
    const missing = await bench.ask("query", "kube-node-lease/lease/edge-1");
    expect(missing?.content).toMatchObject({
      Object: null,
      Err: { ErrStatus: { status: "Failure", code: 404, reason: "NotFound" } },
    });
    const created = await bench.ask("insert", "kube-node-lease/lease/edge-1", lease);
    expect(created?.content).toMatchObject({ Object: { spec: { holderIdentity: "edge-1" } }, Err: null });
    const { metadata } = bench.client.find(LEASES, {
      namespace: "kube-node-lease",
      name: "edge-1",
    })!;
    const renewed = await bench.ask("update", "kube-node-lease/lease/edge-1", { ...lease, metadata });
    expect(renewed?.content).toMatchObject({ Object: { metadata: { name: "edge-1" } }, Err: null });
    const stale = await bench.ask("update", "kube-node-lease/lease/edge-1", { ...lease, metadata });
    expect(stale?.content).toMatchObject({ Err: { ErrStatus: { code: 409, reason: "Conflict" } } });
  });

  it.each(
    ["kube-node-lease/lease/edge-2", "default/lease/edge-1"].flatMap((resource) =>
      ["query", "insert", "update"].map((operation) => [operation, resource] as const),
    ),
  )("B68 %s of %s is refused", async (operation, resource) => {
    const bench = uplinkBench();
    const reply = await bench.ask(operation, resource, lease);
    expect(reply?.content).toMatchObject({ Err: { ErrStatus: { code: 403 } } });
    expect(bench.client.calls).toEqual([]);
    await expectOneRefusal(bench, "FORBIDDEN");
  });

  it("is owned by the own Node or nobody", async () => {
    const bench = uplinkBench();
    const ownerReferences = [
      { apiVersion: "v1", kind: "Node", name: "edge-1", uid: "u" },
      { apiVersion: "v1", kind: "Node", name: "edge-2", uid: "u" },
      { apiVersion: "v1", kind: "Pod", name: "edge-1", uid: "u" },
    ];
    await bench.ask("insert", "kube-node-lease/lease/edge-1", { ...lease, metadata: { ownerReferences } });
    expect(bench.client.calls[0]?.body).toMatchObject({
      metadata: { ownerReferences: [{ name: "edge-1", kind: "Node" }] },
    });
  });
});
