// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { BELONGING_TO, ZONE } from "@longshore/crds/apps";
import { NODE_GROUPS } from "../../src/node-group/index.ts";
import { GIVEN, LEFT } from "../../src/node-group/record.ts";
import { ApiError, isNotFound } from "../../src/runtime/index.ts";
import { eventually } from "../runtime/eventually.ts";
import { NODES } from "../runtime/kinds.ts";
import { failed, startGroupBench, succeeded, type GroupBench } from "./bench.ts";

let bench: GroupBench;

beforeAll(async () => {
  bench = await startGroupBench();
  bench.start();
}, 120_000);

afterAll(() => bench.close());

describe("a group and its nodes", () => {
  it("A21 labels what it selects, tells KubeEdge's statuses, and lets go of a node and its pods", async () => {
    await bench.node("hz-1", { location: "hangzhou" });
    await bench.node("hz-2", { location: "hangzhou" });
    await bench.node("bj-1", { location: "beijing" });
    await bench.ready("hz-1", "True");
    await bench.ready("hz-2", "False");
    await bench.group("hangzhou", { matchLabels: { location: "hangzhou" }, nodes: ["ghost"] });
    await bench.members({ "hz-1": "hangzhou", "hz-2": "hangzhou", "bj-1": "" });
    const ghost = failed("ghost", "Unknown", "node does not exist");
    await bench.statuses("hangzhou", [ghost, succeeded("hz-1", "Ready"), succeeded("hz-2", "NotReady")]);
    await bench.reasons("hangzhou", {
      ...{ Ready: "NodesOffline", MembersResolved: "NodeNotFound", Exclusive: "Exclusive" },
    });
    const group = await bench.getGroup("hangzhou");
    expect(group.status?.summary).toEqual({ nodes: 2, ready: 1, offline: 1 });
    expect(group.metadata.finalizers).toEqual(["apps.kubeedge.io/nodegroup-controller"]);

    await bench.pod("ours", "hz-1", { [BELONGING_TO]: "hangzhou" });
    await bench.pod("elsewhere", "hz-2", { [BELONGING_TO]: "hangzhou" });
    await bench.pod("of-nobody", "hz-1");
    await bench.label("hz-1", { location: null });
    await bench.members({ "hz-1": "", "hz-2": "hangzhou" });
    await eventually(async () => expect(await bench.pods()).toEqual(["elsewhere", "of-nobody"]));
    await bench.statuses("hangzhou", [ghost, succeeded("hz-2", "NotReady")]);
    const { annotations = {} } = (await bench.getNode("hz-1")).metadata;
    expect(annotations).not.toHaveProperty([GIVEN]);
    await eventually(async () =>
      expect((await bench.getNode("hz-1")).metadata.annotations ?? {}).not.toHaveProperty([LEFT]),
    );
  }, 60_000);

  it("A21 a second group that wants the node is told whose it is", async () => {
    await bench.group("second", { nodes: ["hz-2"] });
    const reason = "node hz-2 has already belonged to NodeGroup hangzhou";
    await bench.statuses("second", [failed("hz-2", "NotReady", reason)]);
    await bench.reasons("second", { Ready: "NoMembers", Exclusive: "NodeConflict" });
    await bench.members({ "hz-2": "hangzhou" });
    await eventually(async () =>
      expect(await bench.events("second")).toEqual([
        "NodeConflict: wanted, but in another group already: hz-2",
      ]),
    );
    await eventually(async () =>
      expect(await bench.events("hangzhou")).toContain("NodeRemoved: no longer in the group: hz-1"),
    );
  }, 60_000);

  it("A21 adds the zone with topologyEnabled, and takes it away without", async () => {
    await bench.spec("hangzhou", { topologyEnabled: true });
    const zoneOf = async (node: string): Promise<string | undefined> =>
      (await bench.getNode(node)).metadata.labels?.[ZONE];
    await eventually(async () => expect(await zoneOf("hz-2")).toBe("hangzhou"));
    await bench.spec("hangzhou", { topologyEnabled: false });
    await eventually(async () => expect(await zoneOf("hz-2")).toBeUndefined());
  }, 60_000);

  it("gives the node to the next group when its own is deleted, and only then lets that go", async () => {
    await bench.client.delete(NODE_GROUPS, { name: "hangzhou" });
    await bench.members({ "hz-2": "second" });
    await eventually(async () => expect(await bench.pods()).toEqual(["of-nobody"]));
    await eventually(async () => await expect(bench.getGroup("hangzhou")).rejects.toThrow("not found"));
    await bench.statuses("second", [succeeded("hz-2", "NotReady")]);
    await bench.reasons("second", { Exclusive: "Exclusive" });
  }, 60_000);

  it("takes nodes again when a group of the same name comes back", async () => {
    await bench.label("hz-1", { location: "hangzhou" });
    await bench.group("hangzhou", { matchLabels: { location: "hangzhou" } });
    await bench.members({ "hz-1": "hangzhou", "hz-2": "second" });
  }, 60_000);

  it("takes a node again that was deleted and made anew", async () => {
    await bench.client.delete(NODES, { name: "hz-1" });
    await bench.statuses("hangzhou", [
      failed("hz-2", "NotReady", "node hz-2 has already belonged to NodeGroup second"),
    ]);
    await bench.node("hz-1", { location: "hangzhou" });
    await bench.members({ "hz-1": "hangzhou" });
  }, 60_000);

  it("puts a label right that was taken away, or set to a group that is not there, by hand", async () => {
    await bench.label("hz-1", { [BELONGING_TO]: null });
    await bench.members({ "hz-1": "hangzhou" });
    await bench.label("hz-1", { [BELONGING_TO]: "nobody" });
    await bench.members({ "hz-1": "hangzhou" });
    await bench.label("bj-1", { [BELONGING_TO]: "hangzhou" });
    await bench.members({ "bj-1": "" });
  }, 60_000);

  it("follows a change of what a group selects", async () => {
    await bench.spec("hangzhou", { matchLabels: { location: "beijing" } });
    await bench.members({ "hz-1": "", "bj-1": "hangzhou" });
    await bench.spec("hangzhou", { matchLabels: null, nodes: ["hz-1"] });
    await bench.members({ "hz-1": "hangzhou", "bj-1": "" });
  }, 60_000);
});

describe("the template of a group", () => {
  const lifecycle = { key: "node.kubernetes.io/unreachable", effect: "NoSchedule" };

  it("is given to members beside what others gave, and taken away again", async () => {
    await bench.node("t-1", { site: "t", tier: "mine" });
    await bench.client.patch(
      NODES,
      { name: "t-1" },
      { type: "merge", body: { spec: { taints: [lifecycle] } } },
    );
    await bench.group("t", {
      matchLabels: { site: "t" },
      nodeTemplate: {
        labels: { tier: "edge", power: "solar", "node-role.kubernetes.io/master": "" },
        annotations: { note: "by the group" },
        taints: [{ key: "edge", value: "t", effect: "NoSchedule" }, lifecycle as never],
      },
    });
    await eventually(async () => {
      const { metadata, spec } = await bench.getNode("t-1");
      expect(metadata.labels).toMatchObject({ tier: "edge", power: "solar", [BELONGING_TO]: "t" });
      expect(metadata.labels).not.toHaveProperty(["node-role.kubernetes.io/master"]);
      expect(metadata.annotations).toMatchObject({ note: "by the group" });
      expect(spec?.taints).toEqual([lifecycle, { key: "edge", value: "t", effect: "NoSchedule" }]);
    });
    await bench.reasons("t", { TemplateValid: "EntriesIgnored" });
    await bench.label("t-1", { power: "coal" });
    await eventually(async () =>
      expect((await bench.getNode("t-1")).metadata.labels).toMatchObject({ power: "solar" }),
    );

    await bench.spec("t", { nodeTemplate: { labels: { power: null }, annotations: null } });
    await eventually(async () => {
      const { metadata } = await bench.getNode("t-1");
      expect(metadata.labels).not.toHaveProperty("power");
      expect(metadata.annotations).not.toHaveProperty("note");
    });
    await bench.client.delete(NODE_GROUPS, { name: "t" });
    await eventually(async () => {
      const { metadata, spec } = await bench.getNode("t-1");
      expect(metadata.labels).toEqual({ site: "t", tier: "mine" });
      expect(spec?.taints).toEqual([lifecycle]);
    });
  }, 60_000);
});

describe("a node that cannot be changed", () => {
  it("is told in the status with the words of the refusal, until it can be", async () => {
    await bench.node("r-1", { site: "r" });
    bench.intercept((verb, kind) => {
      if (verb === "patch" && kind === "Node")
        throw new ApiError({ code: 500, reason: "InternalError", message: "failed calling webhook" });
    });
    await bench.group("r", { matchLabels: { site: "r" } });
    await bench.statuses("r", [failed("r-1", "Unknown", "failed calling webhook")]);
    bench.intercept();
    await bench.statuses("r", [succeeded("r-1", "Unknown")]);
  }, 60_000);

  it("because the group's name does not fit into a label", async () => {
    const name = "x".repeat(64);
    await bench.group(name, { matchLabels: { site: "r" } });
    await eventually(async () => {
      const [status] = (await bench.getGroup(name)).status?.nodeStatuses ?? [];
      expect(status).toMatchObject({ nodeName: "r-1", selectionStatus: "Failed" });
      expect(status?.selectionStatusReason).toMatch(/longer than a label/);
    });
    await bench.client.delete(NODE_GROUPS, { name });
    await eventually(async () => await expect(bench.getGroup(name)).rejects.toThrow("not found"));
  }, 60_000);
});

describe("two groups that want a node", () => {
  it("the older has it, somebody may move it, and each group says so", async () => {
    await bench.node("s-1", { site: "s", also: "s" });
    await bench.group("s-first", { matchLabels: { site: "s" } });
    await bench.members({ "s-1": "s-first" });
    await bench.group("s-second", { matchLabels: { also: "s" } });
    await bench.reasons("s-second", { Exclusive: "NodeConflict" });
    await bench.pod("of-first", "s-1", { [BELONGING_TO]: "s-first" });
    await bench.label("s-1", { [BELONGING_TO]: "s-second" });
    await bench.statuses("s-second", [succeeded("s-1", "Unknown")]);
    await bench.reasons("s-first", { Exclusive: "NodeConflict" });
    await eventually(async () => expect(await bench.pods()).not.toContain("of-first"));
    await bench.members({ "s-1": "s-second" });
  }, 60_000);
});

describe("a status", () => {
  it("is written again only when it says something new", async () => {
    await bench.node("q-1", { site: "q" });
    await bench.ready("q-1", "True");
    await bench.group("q", { matchLabels: { site: "q" } });
    await bench.statuses("q", [succeeded("q-1", "Ready")]);
    const before = (await bench.getGroup("q")).metadata.resourceVersion;
    let writes = 0;
    bench.intercept((_, kind) => {
      if (kind === "NodeGroup" || kind === "Node") writes += 1;
    });
    await bench.ready("q-1", "True"); // a heartbeat
    await bench.ready("q-1", "False");
    await bench.statuses("q", [succeeded("q-1", "NotReady")]);
    bench.intercept();
    expect(writes).toBe(1);
    expect((await bench.getGroup("q")).metadata.resourceVersion).not.toBe(before);
  }, 60_000);
});

describe("a controller that dies", () => {
  it("between the label and the pods: the next one deletes the pods, and the group goes", async () => {
    await bench.node("d-1", { site: "d" });
    await bench.group("d", { matchLabels: { site: "d" } });
    await bench.members({ "d-1": "d" });
    await bench.pod("left-behind", "d-1", { [BELONGING_TO]: "d" });
    bench.intercept((verb, kind) => {
      if (verb === "delete" && kind === "Pod")
        throw new ApiError({ code: 0, reason: "ConnectionFailed", message: "killed" });
    });
    await bench.client.delete(NODE_GROUPS, { name: "d" });
    await bench.members({ "d-1": "" });
    await bench.stop();
    bench.intercept();
    expect(await bench.pods()).toContain("left-behind");
    expect((await bench.getNode("d-1")).metadata.annotations).toEqual({ [LEFT]: '["d"]' });
    expect((await bench.getGroup("d")).metadata.deletionTimestamp).toBeDefined();

    bench.start();
    await eventually(async () => expect(await bench.pods()).not.toContain("left-behind"));
    await eventually(async () => {
      const gone = await bench.getGroup("d").then(() => false, isNotFound);
      expect(gone).toBe(true);
    });
    expect((await bench.getNode("d-1")).metadata.annotations ?? {}).toEqual({});
  }, 60_000);
});

describe("what happens while no controller runs", () => {
  it("a group that vanishes altogether lets go of its nodes and pods all the same", async () => {
    await bench.node("v-1", { site: "v" });
    await bench.group("vanished", { matchLabels: { site: "v" } });
    await bench.members({ "v-1": "vanished" });
    await bench.pod("of-vanished", "v-1", { [BELONGING_TO]: "vanished" });
    await eventually(async () =>
      expect((await bench.getGroup("vanished")).metadata.finalizers).toHaveLength(1),
    );
    await bench.stop();
    await bench.client.delete(NODE_GROUPS, { name: "vanished" });
    const body = { metadata: { finalizers: null } };
    await bench.client.patch(NODE_GROUPS, { name: "vanished" }, { type: "merge", body });
    bench.start();
    await bench.members({ "v-1": "" });
    await eventually(async () => expect(await bench.pods()).not.toContain("of-vanished"));
    await eventually(async () => expect((await bench.getNode("v-1")).metadata.annotations ?? {}).toEqual({}));
  }, 60_000);

  it("a deleted group whose nodes are gone too goes with the next start", async () => {
    await bench.node("w-1", { site: "w" });
    await bench.group("widowed", { matchLabels: { site: "w" } });
    await bench.members({ "w-1": "widowed" });
    await bench.statuses("widowed", [succeeded("w-1", "Unknown")]);
    await bench.stop();
    await bench.client.delete(NODE_GROUPS, { name: "widowed" });
    await bench.client.delete(NODES, { name: "w-1" });
    bench.start();
    await eventually(async () => {
      expect(await bench.getGroup("widowed").then(() => false, isNotFound)).toBe(true);
    });
  }, 60_000);

  it("another's taint that comes at the same moment as ours is not lost", async () => {
    await bench.node("race-1", { site: "race" });
    const taint = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };
    let isFirst = true;
    bench.intercept((verb, kind) => {
      if (verb !== "patch" || kind !== "Node" || !isFirst) return undefined;
      isFirst = false;
      return bench.client.patch(
        NODES,
        { name: "race-1" },
        { type: "merge", body: { spec: { taints: [taint] } } },
      );
    });
    const ours = { key: "edge", value: "race", effect: "NoSchedule" as const };
    await bench.group("race", { matchLabels: { site: "race" }, nodeTemplate: { taints: [ours] } });
    await bench.members({ "race-1": "race" });
    bench.intercept();
    expect(isFirst).toBe(false);
    const { taints = [] } = (await bench.getNode("race-1")).spec ?? {};
    expect(taints.map(({ key }) => key).sort()).toEqual(["edge", "node.kubernetes.io/unreachable"]);
  }, 60_000);
});
