// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { createClient, loadKubeConfig, type KubeClient } from "../../../src/runtime/index.ts";
import { LEASES, NODES, PODS, SECRETS, SERVICE_ACCOUNTS } from "../../../src/hub/uplink/kinds.ts";
import { decodeFrame, type Frame } from "@longshore/crds/wire";
import { startApiServer, type ApiServer } from "../../apiserver.ts";
import { eventually } from "../../runtime/eventually.ts";
import { uplinkBench } from "./bench.ts";

const NODE = "edge-node";
const NAMESPACES = { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false };
let api: ApiServer;
let client: KubeClient;
let bench: ReturnType<typeof uplinkBench>;

beforeAll(async () => {
  api = await startApiServer();
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  bench = uplinkBench({ node: NODE, api: client });
  const lease = { apiVersion: "v1", kind: "Namespace", metadata: { name: "kube-node-lease" } };
  for (const namespace of [lease, { ...lease, metadata: { name: "default" } }])
    await client.create(NAMESPACES, namespace).catch(() => undefined);
}, 120_000);
afterAll(async () => {
  await client.close();
  await api.stop();
});

/** What a real EdgeCore sent, by operation and resource type. */
const recorded = (file: string, operation: string, type: string): Frame[] =>
  readFileSync(new URL(`../../../../crds/test/golden/${file}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { dir: string; msg?: unknown })
    .filter(({ dir, msg }) => dir === "up" && msg !== undefined)
    .map(({ msg }) => decodeFrame(JSON.stringify(msg)))
    .filter(({ route }) => route.operation === operation && route.resource?.split("/")[1] === type);

const contentOf = (frame: Frame | undefined): unknown => {
  if (frame === undefined) throw new Error("no such frame was recorded");
  return frame.content;
};
const pod = (name: string, nodeName = NODE) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  spec: {
    nodeName,
    serviceAccountName: "default",
    containers: [{ name: "c", image: "i" }],
    volumes: [{ name: "s", secret: { secretName: "s" } }],
  },
});

describe("the uplink on a real API server", () => {
  it("registers the Node of a real EdgeCore, and answers 409 the second time", async () => {
    const content = contentOf(recorded("first_join", "insert", "node")[0]);
    expect((await bench.ask("insert", `null/node/${NODE}`, content))?.content).toMatchObject({
      Object: { metadata: { name: NODE, labels: { "node-role.kubernetes.io/edge": "" } } },
      Err: null,
    });
    expect((await bench.ask("insert", `null/node/${NODE}`, content))?.content).toMatchObject({
      Err: { ErrStatus: { status: "Failure", code: 409, reason: "AlreadyExists" } },
    });
    expect(bench.told.at(-1)).toMatch("pushNode");
  });

  it("drops node-restriction labels and leaves an Event", async () => {
    const other = uplinkBench({ node: "edge-x", api: client });
    const labels = { "node-restriction.kubernetes.io/a": "b", "node-role.kubernetes.io/agent": "" };
    await other.ask("insert", "null/node/edge-x", { metadata: { name: "edge-x", labels } });
    const node = await client.get(NODES, { name: "edge-x" });
    expect(node.metadata.labels).toEqual({ "node-role.kubernetes.io/agent": "" });
    const events = await client.list(
      { ...PODS, plural: "events", kind: "Event" },
      { namespace: "default", fieldSelector: "involvedObject.name=edge-x" },
    );
    // the API server may tell of the node too
    expect(events.items).toContainEqual(expect.objectContaining({ reason: "LabelDropped" }));
  });

  it("takes every recorded node status", async () => {
    const patches = recorded("first_join", "patch", "nodepatch");
    expect(patches.length).toBeGreaterThan(1);
    for (const { content } of patches)
      expect((await bench.ask("patch", `null/nodepatch/${NODE}`, content))?.content).toMatchObject({
        Err: null,
      });
    const node = await client.get(NODES, { name: NODE });
    expect(node).toMatchObject({
      status: { conditions: expect.arrayContaining([expect.objectContaining({ type: "Ready" })]) },
    });
  });

  describe("where a hub serves streams", () => {
    const nodeEndpoint = { type: "InternalIP", address: "10.0.0.1", port: 10003 };
    const HUB = { type: "InternalIP", address: "10.0.0.1" };
    const annotations = (name: string) => ({
      "metrics.k8s.io/resource-metrics-path": `/nodes/${name}/metrics/resource`,
    });
    const own = (name: string) => [
      { type: "InternalIP", address: "192.0.2.2" },
      { type: "Hostname", address: name },
    ];
    const reported = (name: string) => ({
      addresses: own(name),
      daemonEndpoints: { kubeletEndpoint: { Port: 10350 } },
    });
    const advertised = (name: string) => ({
      metadata: { annotations: annotations(name) },
      status: { addresses: [HUB, ...own(name)], daemonEndpoints: { kubeletEndpoint: { Port: 10003 } } },
    });
    const nodeOf = (name: string) => client.get(NODES, { name });

    it.each([{ negotiated: true }, { negotiated: false }])(
      "lets the Node advertise it from its registration on, whatever is reported (negotiated: $negotiated)",
      async ({ negotiated }) => {
        const name = negotiated ? "ours-1" : "edgecore-1";
        const one = uplinkBench({ node: name, api: client, nodeEndpoint, negotiated });
        const object = { metadata: { name }, status: reported(name) };
        const registered = await one.ask("insert", `null/node/${name}`, object);
        expect(registered?.content).toMatchObject({ Object: { status: reported(name) }, Err: null });
        expect(await nodeOf(name)).toMatchObject(advertised(name));
        // What our agent sends with each status, and EdgeCore when its addresses have changed.
        const moved = [{ type: "InternalIP", address: "192.0.2.3" }, own(name)[1]];
        const status = { ...reported(name), addresses: [...moved, { $patch: "replace" }] };
        await one.ask("patch", `null/nodepatch/${name}`, JSON.stringify({ status }));
        await eventually(() => expect(one.sent).toHaveLength(2)); // whole states are not waited for
        expect(one.sent[1]?.content).toMatchObject({ Object: { status: { addresses: moved } }, Err: null });
        expect(await nodeOf(name)).toMatchObject({ status: { addresses: [HUB, ...moved] } });
      },
    );

    it("adds it, annotation included, with the first status after another hub or a CloudCore", async () => {
      const before = uplinkBench({ node: "ours-2", api: client });
      await before.ask("insert", "null/node/ours-2", { metadata: { name: "ours-2" }, status: {} });
      const one = uplinkBench({ node: "ours-2", api: client, nodeEndpoint, negotiated: true });
      const status = { ...reported("ours-2"), addresses: [...own("ours-2"), { $patch: "replace" }] };
      await one.ask("patch", "null/nodepatch/ours-2", { status });
      await eventually(async () => expect(await nodeOf("ours-2")).toMatchObject(advertised("ours-2")));
      const next = { ...nodeEndpoint, address: "10.0.0.2" };
      const other = uplinkBench({ node: "ours-2", api: client, nodeEndpoint: next, negotiated: true });
      await other.ask("patch", "null/nodepatch/ours-2", { status });
      const want = { addresses: [{ ...HUB, address: "10.0.0.2" }, ...own("ours-2")] };
      await eventually(async () => expect(await nodeOf("ours-2")).toMatchObject({ status: want }));
    });

    it("adds it once to the Node of an EdgeCore that was here before and has nothing to report", async () => {
      const name = "edgecore-2";
      const before = uplinkBench({ node: name, api: client });
      await before.ask("insert", `null/node/${name}`, { metadata: { name }, status: reported(name) });
      const one = uplinkBench({ node: name, api: client, nodeEndpoint });
      await one.ask("patch", `null/nodepatch/${name}`, "{}");
      const first = await nodeOf(name);
      expect(first).toMatchObject(advertised(name));
      const reply = await one.ask("patch", `null/nodepatch/${name}`, "{}");
      expect(reply?.content).toMatchObject({ Object: { status: reported(name) } });
      expect((await nodeOf(name)).metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    });
  });

  it("takes a status with fields that this API server does not know", async () => {
    const status = { nodeInfo: { fromTheFuture: 1 }, alsoUnknown: true };
    expect((await bench.ask("patch", `null/nodepatch/${NODE}`, { status }))?.content).toMatchObject({
      Err: null,
    });
  });

  it("keeps the Lease as recorded: missing, created, renewed", async () => {
    const resource = `kube-node-lease/lease/${NODE}`;
    expect((await bench.ask("query", resource))?.content).toMatchObject({
      Err: { ErrStatus: { code: 404 } },
    });
    const insert = contentOf(recorded("first_join", "insert", "lease")[0]);
    expect((await bench.ask("insert", resource, insert))?.content).toMatchObject({ Err: null });
    const update = contentOf(recorded("first_join", "update", "lease")[0]) as { metadata: object };
    const { metadata } = await client.get(LEASES, { namespace: "kube-node-lease", name: NODE });
    const renewed = await bench.ask("update", resource, {
      ...update,
      metadata: { ...update.metadata, ...metadata },
    });
    expect(renewed?.content).toMatchObject({ Object: { spec: { holderIdentity: NODE } }, Err: null });
  });

  it("relabels the Node", async () => {
    const reply = await bench.ask("update", `null/node/${NODE}`, { metadata: { labels: { own: "1" } } });
    expect(reply).toMatchObject({
      content: "OK",
      header: { resourceversion: expect.stringMatching(/^\d+$/) },
    });
    expect((await client.get(NODES, { name: NODE })).metadata.labels).toMatchObject({ own: "1" });
  });

  it("takes every recorded pod status, and refuses it for a pod that was made again", async () => {
    const first = await client.create(PODS, pod("p1"));
    const patches = recorded("pod_create", "patch", "podpatch");
    expect(patches.length).toBeGreaterThan(1);
    for (const { content } of patches) {
      const patch = { ...(JSON.parse(String(content)) as object), metadata: { uid: first.metadata.uid } };
      const reply = await bench.ask("patch", "default/podpatch/p1", JSON.stringify(patch));
      expect(reply?.content).toMatchObject({ Object: { metadata: { uid: first.metadata.uid } }, Err: null });
    }
    expect(await client.get(PODS, { namespace: "default", name: "p1" })).toMatchObject({
      status: { phase: "Running" },
    });
    await client.delete(PODS, { namespace: "default", name: "p1" }, { gracePeriodSeconds: 0 });
    await client.create(PODS, pod("p1"));
    const stale = await bench.ask("patch", "default/podpatch/p1", { status: { phase: "Failed" } });
    expect(stale?.content).toMatchObject({ Err: { ErrStatus: { code: 409, reason: "Conflict" } } });
  });

  it("deletes a pod by uid, and only that one", async () => {
    const made = await client.create(PODS, pod("p2"));
    const gone = await bench.ask("delete", "default/pod/p2", {
      gracePeriodSeconds: 0,
      preconditions: { uid: "other" },
    });
    expect(gone?.content).toBe("OK");
    expect((await client.get(PODS, { namespace: "default", name: "p2" })).metadata.uid).toBe(
      made.metadata.uid,
    );
    const preconditions = { uid: made.metadata.uid };
    expect(
      (await bench.ask("delete", "default/pod/p2", { gracePeriodSeconds: 0, preconditions }))?.content,
    ).toBe("OK");
    await expect(client.get(PODS, { namespace: "default", name: "p2" })).rejects.toMatchObject({ code: 404 });
  });

  it("S28 gives a Secret to the node whose pod needs it, and to no other", async () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: "default" },
      data: { k: "dg==" },
    };
    await client.create(SECRETS, secret);
    await client.create(PODS, pod("p3"));
    expect((await bench.ask("query", "default/secret/s"))?.content).toMatchObject({
      apiVersion: "v1",
      kind: "Secret",
      data: { k: "dg==" },
    });
    const other = uplinkBench({ node: "edge-x", api: client });
    expect((await other.ask("query", "default/secret/s"))?.route.operation).toBe("error");
  });

  it("B72 requests a token as recorded", async () => {
    const account = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default", namespace: "default" },
    };
    await client.create(SERVICE_ACCOUNTS, account).catch(() => undefined);
    const { metadata } = await client.create(PODS, pod("p4"));
    const content = contentOf(recorded("pod_create", "query", "serviceaccounttoken")[0]) as { spec: object };
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "p4", uid: metadata.uid };
    const reply = await bench.ask("query", "default/serviceaccounttoken/default", {
      ...content,
      spec: { ...content.spec, boundObjectRef },
    });
    expect(reply?.content).toMatchObject({
      kind: "TokenRequest",
      spec: { expirationSeconds: 3607 },
      status: { token: expect.stringMatching(/^ey/) },
    });
  });

  it("creates a mirror pod and writes an event", async () => {
    const { metadata } = await client.get(NODES, { name: NODE });
    const mirror = {
      metadata: {
        name: "static",
        namespace: "default",
        annotations: { "kubernetes.io/config.mirror": "h", "kubernetes.io/config.hash": "h" },
        ownerReferences: [
          { apiVersion: "v1", kind: "Node", name: NODE, uid: metadata.uid, controller: true },
        ],
      },
      spec: { nodeName: NODE, containers: [{ name: "c", image: "i" }] },
    };
    expect((await bench.ask("insert", "default/pod/static", mirror))?.content).toMatchObject({ Err: null });
    const involvedObject = { kind: "Pod", namespace: "default", name: "static" };
    await bench.ask("insert", "default/event/e1", {
      involvedObject,
      reason: "Started",
      message: "m",
      type: "Normal",
    });
    const events = { ...PODS, plural: "events", kind: "Event" };
    expect(await client.get(events, { namespace: "default", name: "e1" })).toMatchObject({
      source: { host: NODE },
    });
    await bench.ask("patch", "default/event/e1", { event: {}, patchData: '{"count":2}' });
    expect(await client.get(events, { namespace: "default", name: "e1" })).toMatchObject({
      count: 2,
      message: "m",
    });
  });
});
