// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import { attemptOf, orderDigest, reportName, type JobKind, type NodeTaskReport } from "@longshore/crds/tasks";
import { Registry } from "prom-client";
import { createControllerDelivery, createHubDelivery, type Outbox } from "../../src/delivery/index.ts";
import { createPullSecrets, createSessionGrants } from "../../src/hub/auth/index.ts";
import { createUplinkHandlers } from "../../src/hub/uplink/index.ts";
import { NODES, SECRETS } from "../../src/hub/uplink/kinds.ts";
import {
  createClient,
  loadKubeConfig,
  systemClock,
  type KubeClient,
  type KubeObject,
} from "../../src/runtime/index.ts";
import { freePort, startApiServer, type ApiServer } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { silent } from "../delivery/fixture.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { uplinkBench } from "./uplink/bench.ts";
import type { Edge } from "./support/edge.ts";
import { createRig, type Rig } from "./support/rig.ts";

interface Job extends KubeObject {
  readonly spec: object;
}
type Report = NodeTaskReport & KubeObject;

let api: ApiServer;
let client: KubeClient;
let redis: TestRedis;
let outbox: Outbox;
let rig: Rig;
const stops: (() => Promise<void>)[] = [];
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

beforeAll(async () => {
  [api, redis] = await Promise.all([startApiServer(), startRedis()]);
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  const base = { redis: { url: redis.url }, log: silent };
  const controllers = createControllerDelivery({ ...base, registry: new Registry() });
  const delivery = createHubDelivery({
    ...base,
    registry: new Registry(),
    hub: "hub-0",
    scopes: ["workload", "job"],
  });
  outbox = controllers.outbox;
  const { mailbox } = delivery;
  const pulls = createPullSecrets({ client, mailbox, clock: systemClock, minReadMs: 100 });
  rig = await createRig({
    client,
    mailbox: delivery.mailbox,
    wakeups: delivery.wakeups,
    uplinkHandlers: createUplinkHandlers({
      client,
      log: quiet,
      registry: new Registry(),
      tasks: { minWriteMs: 50 },
    }),
    createGrants: (node) => createSessionGrants({ client, node, clock: systemClock, pulls }),
  });
  stops.push(
    () => rig.stop(),
    () => controllers.stop(),
    () => delivery.stop(),
    () => client.close(),
    () => redis.stop(),
    () => api.stop(),
  );
}, 120_000);
afterAll(async () => {
  for (const stop of stops) await stop();
});

let node: string;
let name: string;
let count = 0;
beforeEach(async () => {
  count += 1;
  node = `edge-${count}`;
  name = `job-${count}`;
  await client.create(NODES, { metadata: { name: node } });
});
const edges: Edge[] = [];
afterEach(async () => {
  for (const edge of edges.splice(0)) await edge.close();
});

const create = (kind: JobKind, spec: object): Promise<Job> =>
  client.create<Job>(kinds[kind], { metadata: { name }, spec });

/** Writes the job's status and orders what is in progress there, as its controller does. */
async function drive(
  kind: JobKind,
  type: string,
  { phase = "InProgress", state }: { phase?: string; state?: string } = {},
): Promise<Job> {
  const job = await client.get<Job>(kinds[kind], { name });
  const nodeStatus = [{ nodeName: node, phase, attempt: 1, ...(state !== undefined && { state }) }];
  const status = { phase: "InProgress", nodeStatus };
  const stored = await client.update<Job>(kinds[kind], { ...job, status }, { subresource: "status" });
  const { uid, resourceVersion } = stored.metadata;
  const ref = { kind: type, namespace: "", name, uid, resourceVersion, digest: orderDigest(stored, state) };
  await outbox.sync(node, "job", phase === "InProgress" ? [ref] : [], 1);
  return stored;
}

async function plain(): Promise<Edge> {
  const edge = await rig.edge(node);
  edges.push(edge);
  await edge.opened;
  edge.ok(await edge.push(`null/node/${node}`));
  return edge;
}
const isOrder = ({ route }: { route: { group?: string } }): boolean => route.group === "taskmanager";
const ordersAt = (edge: Edge) => edge.frames.filter(isOrder);
const report = ({ metadata }: Job): Promise<Report> =>
  client.get<Report>(kinds.NodeTaskReport, { name: reportName(metadata.uid, node) });

describe("fleet jobs through a hub on real Redis and a real API server", () => {
  it.each([
    {
      kind: "NodeUpgradeJob",
      type: "upgrade",
      spec: { version: "v1.19.0", timeoutSeconds: 60 },
      run: { Init: "Init", Checking: "Check", BackingUp: "Backup", Upgrading: "Upgrade" },
      steps: ["Check", "BackUp", "Upgrade"],
    },
    {
      kind: "ImagePrePullJob",
      type: "prepull",
      spec: { imagePrePullTemplate: { images: ["busybox:1"] } },
      run: { Init: "Init", Checking: "Check", Pulling: "Pull" },
      steps: ["Check", "Pull"],
    },
  ] as const)(
    "D20 D21 leads an old EdgeCore through a whole $type, state by state",
    async ({ kind, type, spec, run, steps }) => {
      const selected =
        "imagePrePullTemplate" in spec
          ? { imagePrePullTemplate: { ...spec.imagePrePullTemplate, nodeNames: [node] } }
          : { ...spec, nodeNames: [node] };
      const job = await create(kind, selected);
      const edge = await plain();
      let orders = 0;
      for (const [state, event] of Object.entries(run)) {
        await drive(kind, type, { state });
        orders += 1;
        await edge.until(() => ordersAt(edge).length === orders);
        const { route, content } = ordersAt(edge).at(-1)!;
        expect(route).toEqual({
          source: "taskmanager",
          group: "taskmanager",
          operation: type,
          resource: `${type}/${name}/node/${node}`,
        });
        expect(content).toMatchObject({ TaskID: name, Type: type, State: state });
        edge.send({
          route: {
            source: "websocket",
            group: "hub",
            operation: type,
            resource: `task/${name}/node/${node}`,
          },
          content: {
            NodeName: node,
            State: "",
            Event: event,
            Action: "Success",
            Reason: "",
            Time: "",
            ExternalMessage: "",
          },
        });
        await eventually(async () =>
          expect((await report(job)).report).toMatchObject({ event, action: "Success" }),
        );
      }
      expect((await report(job)).report.actions?.map(({ action }) => action)).toEqual(steps);
      await drive(kind, type, { phase: "Successful", state: "Successful" });
      await eventually(async () => {
        const { objects } = await outbox.standing(node, "job", [
          { kind: type, namespace: "", name, uid: job.metadata.uid },
        ]);
        expect(objects).toEqual([{ isPending: false }]);
      });
      expect(ordersAt(edge)).toHaveLength(orders);
    },
  );

  it("A34 orders a plain EdgeCore once, and keeps all that it tells at once", async () => {
    const job = await create("ConfigUpdateJob", {
      nodeNames: [node],
      updateFields: { "modules.edgeStream.enable": "true" },
    });
    const edge = await plain();
    await drive("ConfigUpdateJob", "configupdatejob");
    const order = await edge.frame(isOrder);
    expect(order.route).toMatchObject({
      operation: "Check",
      resource: `operations.kubeedge.io/v1alpha2/configupdatejob/${name}/node/${node}`,
    });
    expect(order.content).toEqual({
      ...{ nodeNames: [node], concurrency: 1, updateFields: { "modules.edgeStream.enable": "true" } },
      ...{ failureTolerate: "0.1", timeoutSeconds: 300 },
    });
    for (const action of ["Check", "BackUp", "Update"])
      edge.send({
        route: {
          source: "websocket",
          group: "hub",
          operation: "UpdateNodeActionStatus",
          resource: order.route.resource!,
        },
        content: { action, succ: true, finishTime: "", reason: "", extend: "" },
      });
    await eventually(async () => expect((await report(job)).report.actions).toHaveLength(3));
    await edge.close();
    const again = await plain();
    await drive("ConfigUpdateJob", "configupdatejob");
    // Redis lost what it knew
    await outbox.sync(node, "job", [], 1);
    await drive("ConfigUpdateJob", "configupdatejob");
    await eventually(async () => expect((await outbox.standing(node, "job", [])).isConnected).toBe(true));
    await eventually(async () => {
      const { objects } = await outbox.standing(node, "job", [
        { kind: "configupdatejob", namespace: "", name, uid: job.metadata.uid },
      ]);
      expect(objects[0]).toMatchObject({ isPending: false });
    });
    expect(ordersAt(again)).toEqual([]);
  });

  it("orders an agent of ours, stores what it tells before it says OK, and takes the order back", async () => {
    const job = await create("NodeUpgradeJob", { version: "v1.23.1", nodeNames: [node] });
    const edge = await rig.ours(node);
    edges.push(edge);
    const stored = await drive("NodeUpgradeJob", "nodeupgradejob");
    const push = await edge.push(`null/nodeupgradejob/${name}`, "insert");
    expect(push.content).toMatchObject({
      ...{ kind: "NodeUpgradeJob", apiVersion: "operations.kubeedge.io/v1alpha2" },
      metadata: { name, uid: job.metadata.uid },
      spec: { version: "v1.23.1", nodeNames: [node] },
    });
    expect(push.content).not.toHaveProperty("status");
    expect(push.header.digest).toBe(orderDigest(stored));
    edge.ack(push);
    const content = {
      ...{ action: "Check", succ: true, finishTime: new Date().toISOString(), reason: "", extend: "" },
      ...{
        uid: job.metadata.uid,
        attempt: attemptOf(undefined),
        actions: [{ action: "Check", status: "True" }],
      },
    };
    const route = { source: "websocket", group: "hub", operation: "UpdateNodeActionStatus" };
    const resource = `operations.kubeedge.io/v1alpha2/nodeupgradejob/${name}/node/${node}`;
    const id = edge.send({ route: { ...route, resource }, content });
    const answer = await edge.frame(({ header }) => header.parent_msg_id === id);
    expect(answer.content).toBe("OK");
    expect((await report(job)).metadata.ownerReferences).toMatchObject([
      { kind: "NodeUpgradeJob", uid: job.metadata.uid },
    ]);
    const forged = edge.send({ route: { ...route, resource: resource.replace(node, "edge-99") }, content });
    expect((await edge.frame(({ header }) => header.parent_msg_id === forged)).content).toMatch(/^FORBIDDEN/);
    await drive("NodeUpgradeJob", "nodeupgradejob", { phase: "Successful" });
    await edge.push(`null/nodeupgradejob/${name}`, "delete");
  });

  it("S28 gives the credentials of a pull to the node at work, and to no other", async () => {
    const type = "kubernetes.io/dockerconfigjson";
    const data = { ".dockerconfigjson": Buffer.from('{"auths":{}}').toString("base64") };
    for (const secret of [
      { metadata: { name, namespace: "default" }, type, data },
      { metadata: { name: `${name}-opaque`, namespace: "default" }, data },
    ])
      await client.create(SECRETS, secret);
    const template = { images: ["busybox:1"], nodeNames: [node], imageSecrets: `default/${name}` };
    await create("ImagePrePullJob", { imagePrePullTemplate: template });
    const edge = await plain();
    const query = async (secret: string) => {
      const route = {
        source: "metamanager",
        group: "meta",
        operation: "query",
        resource: `default/secret/${secret}`,
      };
      const id = edge.send({ route });
      return await edge.frame(({ header }) => header.parent_msg_id === id);
    };
    expect((await query(name)).route.operation).toBe("error");
    await drive("ImagePrePullJob", "imageprepulljob");
    await edge.frame(isOrder);
    expect((await query(name)).content).toMatchObject({ kind: "Secret", type, data });
    expect((await query(`${name}-opaque`)).route.operation).toBe("error");
    await drive("ImagePrePullJob", "imageprepulljob", { phase: "Successful" });
    await eventually(async () => expect((await query(name)).route.operation).toBe("error"));
  });

  it("S36 stores the longest report that a node can make", async () => {
    const job = await create("ImagePrePullJob", {
      imagePrePullTemplate: { images: ["busybox:1"], nodeNames: [node] },
    });
    const bench = uplinkBench({ node, negotiated: true, api: client, clock: systemClock });
    const long = "漢".repeat(20_000);
    await bench.ask(
      "UpdateNodeActionStatus",
      `operations.kubeedge.io/v1alpha2/imageprepulljob/${name}/node/${node}`,
      {
        ...{
          uid: job.metadata.uid,
          attempt: 1,
          progress: long,
          log: long,
          fromVersion: long,
          toVersion: long,
        },
        actions: ["Check", "Pull"].map((action) => ({ action, status: "False", reason: long, time: long })),
        images: Array.from({ length: 1_000 }, () => ({ image: long, status: long, reason: long })),
      },
    );
    await eventually(() => expect(bench.sent.map(({ content }) => content)).toEqual(["OK"]));
    expect((await report(job)).report.images).toHaveLength(500);
  });

  it("R18 in part: says OK when the API server is back, and a store that was not answered is one object", async () => {
    const job = await create("NodeUpgradeJob", { version: "v1.23.1", nodeNames: [node] });
    const url = `https://127.0.0.1:${await freePort()}`;
    const away = createClient({
      kubeConfig: loadKubeConfig(await api.writeKubeconfig("away", { url })),
      userAgent: "test",
    });
    let isAway = false;
    const losing: KubeClient = {
      ...client,
      get: (...call) => (isAway ? away : client).get(...call),
      async create(...call) {
        if (!isAway) await client.create(...call);
        isAway = true;
        return await away.create(...call); // its answer is lost
      },
    };
    const bench = uplinkBench({
      node,
      negotiated: true,
      api: losing,
      clock: systemClock,
      tasks: { minWriteMs: 50, answerMs: 60_000 },
    });
    const actions = [{ action: "Check", status: "True" }];
    await bench.ask(
      "UpdateNodeActionStatus",
      `operations.kubeedge.io/v1alpha2/nodeupgradejob/${name}/node/${node}`,
      { uid: job.metadata.uid, attempt: 1, actions },
    );
    await eventually(async () =>
      expect(await bench.counted("longshore_task_reports_total", { outcome: "retried" })).toBeGreaterThan(1),
    );
    expect(bench.sent).toEqual([]);
    isAway = false;
    await eventually(() => expect(bench.sent.map(({ content }) => content)).toEqual(["OK"]));
    await away.close();
    expect(await bench.counted("longshore_task_reports_total", { outcome: "unchanged" })).toBe(1);
    expect((await report(job)).metadata.generation).toBe(1);
  });
});
