// SPDX-License-Identifier: Apache-2.0
import { ORDER_KIND, type ActionReport, type JobKind } from "@longshore/crds/tasks";
import type { AckBatch, Frame } from "@longshore/crds/wire";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createJobs, TASK_BUCKET, type Jobs } from "../../src/jobs/index.ts";
import type { StepRunner } from "../../src/jobs/port.ts";
import { createAuthority, type Authority } from "../join/authority.ts";
import { startBench, type Bench } from "../tunnel/bench.ts";
import { until } from "../tunnel/fakes.ts";
import { down, type HubConnection } from "../tunnel/hub.ts";
import { KINDS, NODE, stepsOf } from "./world.ts";

let authority: Authority;
let bench: Bench;
let jobs: Jobs;
let runs: string[];
let stopClock: (() => void) | undefined;

beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(async () => {
  stopClock?.();
  await jobs.stop();
  await bench.end();
});

/** An agent's tunnel, store and jobs, with a hub behind a real WebSocket; only the steps are no steps. */
async function begin(negotiates: boolean): Promise<void> {
  bench = await startBench(authority, { negotiates, onTaskOrder: (frame) => jobs.take(frame) });
  runs = [];
  const runner = (kind: JobKind): StepRunner => ({
    kind,
    changesAgent: kind !== "ImagePrePullJob",
    faults: () => [],
    run: (step, { order: { name } }) => {
      runs.push(`${name}/${step}`);
      return Promise.resolve({ ok: true });
    },
  });
  const { tunnel, store, clock, log } = bench;
  jobs = createJobs({
    node: NODE,
    store: store.desired,
    records: store.records,
    uplink: tunnel,
    isNegotiated: () => tunnel.isNegotiated(),
    runners: KINDS.map(runner),
    checkItems: () => Promise.resolve([]),
    restart: () => undefined,
    ...{ clock, log },
    registry: new Registry(),
    random: () => 0,
  });
  await jobs.start();
  tunnel.start();
  const timer = setInterval(() => clock.advance(20), 2); // time goes by, faster
  stopClock = () => clearInterval(timer);
}

const REPLY = {
  ...{ sessionEpoch: 4, clusterEpoch: 2, inventory: "match" },
  ...{ pingIntervalMs: 10_000, keepaliveIntervalMs: 10_000, leaseDurationSeconds: 40 },
};
const isOperation = (operation: string) => (frame: Frame) => frame.route.operation === operation;
const answerTo = (frame: Frame, operation: string, content: unknown): Frame =>
  down({ ...frame.route, operation }, content, { parent_msg_id: frame.header.msg_id });

async function connection(n: number): Promise<HubConnection> {
  const opened = await bench.hub.connection(n);
  const hello = await opened.next("hello", isOperation("hello"));
  const route = { group: "longshore", operation: "response", resource: "session" };
  opened.send(down(route, REPLY, { parent_msg_id: hello.header.msg_id }));
  return opened;
}

function order(kind: JobKind, name: string, operation = "insert"): Frame {
  const metadata = {
    name,
    uid: `u-${name}`,
    resourceVersion: "7",
    creationTimestamp: "2026-01-01T00:00:00Z",
  };
  const content = { apiVersion: "operations.kubeedge.io/v1alpha2", kind, metadata, spec: {} };
  return down({ operation, resource: `null/${ORDER_KIND[kind]}/${name}` }, content);
}
const report = (action: string) => (frame: Frame) =>
  frame.route.operation === "UpdateNodeActionStatus" && (frame.content as ActionReport).action === action;
const acks = (hub: HubConnection, { header }: Frame) =>
  hub.next("its ack", ({ content, route }) =>
    route.operation === "ack" ? (content as AckBatch).ids.includes(header.msg_id) : false,
  );
const untold = (): number =>
  bench.store.records
    .list(TASK_BUCKET)
    .filter(([, task]) => (task as { changes: number }).changes > (task as { told: number }).told).length;

describe("a job over a session with our hub", () => {
  it.each(KINDS)(
    "is acked when it is durable, run, and told until the hub has stored it: %s",
    async (kind) => {
      await begin(true);
      const hub = await connection(1);
      const push = order(kind, "job");
      hub.send(push);
      await acks(hub, push);
      const last = { NodeUpgradeJob: "Upgrade", ImagePrePullJob: "Pull", ConfigUpdateJob: "Update" }[kind];
      for (let isLast = false; !isLast;) {
        const told = await hub.next("a report", isOperation("UpdateNodeActionStatus"));
        expect(told.route).toMatchObject({
          source: "websocket",
          group: "hub",
          resource: `operations.kubeedge.io/v1alpha2/${ORDER_KIND[kind]}/job/node/edge-1`,
        });
        hub.send(answerTo(told, "response", "OK"));
        isLast = (told.content as ActionReport).action === last;
      }
      await until(() => untold() === 0, "the hub's OK on disk");
      const withdrawn = order(kind, "job", "delete");
      hub.send(withdrawn);
      await acks(hub, withdrawn);
      expect(bench.store.desired.inventory()).toEqual([]);
      expect(runs[0]).toBe("job/Check");
      expect(new Set(runs).size).toBe(runs.length);
    },
  );

  it("is told again in the next session when the first ends without an answer", async () => {
    await begin(true);
    const first = await connection(1);
    first.send(order("ImagePrePullJob", "job"));
    await first.next("a report", isOperation("UpdateNodeActionStatus"));
    first.socket.terminate();
    const second = await connection(2);
    const told = await second.next("the report again", report("Pull"));
    expect(stepsOf(told.content as ActionReport)).toBe("Check=True Pull=True");
    second.send(answerTo(told, "response", "OK"));
    await until(() => untold() === 0, "the hub's OK on disk");
    expect(runs).toEqual(["job/Check", "job/Pull"]);
  });

  it("is not taken from a frame of KubeEdge's, which our hub never sends", async () => {
    await begin(true);
    const hub = await connection(1);
    await until(() => bench.tunnel.isConnected(), "a session");
    const resource = "operations.kubeedge.io/v1alpha2/nodeupgradejob/job/node/edge-1";
    hub.send(down({ source: "taskmanager", group: "taskmanager", operation: "Check", resource }, {}));
    await until(() => bench.metrics.counts.get("rejected:downlink:IGNORED") === 1, "the count");
    expect(bench.store.records.list(TASK_BUCKET)).toEqual([]);
  });
});

describe("a job over a session with a CloudCore", () => {
  it("is taken from its frame without an ack, and each step is told once", async () => {
    await begin(false);
    const cloud = await bench.hub.connection(1);
    await until(() => bench.tunnel.isConnected(), "a session");
    const resource = "operations.kubeedge.io/v1alpha2/imageprepulljob/job/node/edge-1";
    const route = { source: "taskmanager", group: "taskmanager", operation: "Check", resource };
    const sent = down(route, { imagePrePullTemplate: { images: ["a"] } });
    cloud.send(sent);
    for (const action of ["Check", "Pull"]) {
      const told = await cloud.next(action, report(action));
      expect(told.route).toEqual({
        ...{ source: "websocket", group: "hub", resource },
        operation: "UpdateNodeActionStatus",
      });
      expect(Object.keys(told.content as object)).toEqual([
        "action",
        "succ",
        "finishTime",
        "reason",
        "extend",
      ]);
    }
    expect(cloud.frames.filter(({ header }) => header.parent_msg_id === sent.header.msg_id)).toEqual([]);
    cloud.send(sent);
    await cloud.next("the same again", report("Pull"));
    expect(runs).toEqual(["job/Check", "job/Pull"]);
  });
});
