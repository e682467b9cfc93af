// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { ApiError, type KubeClient, type WatchEvent } from "../../../src/runtime/index.ts";
import { LEASES } from "../../../src/runtime/manager/lease.ts";
import { eventually } from "../../runtime/eventually.ts";
import { JOBS, startJobBench, wellDone, type JobBench, type Shown, type Told } from "./bench.ts";
import { names, running, upgrade } from "./specs.ts";

let bench: JobBench;
/** Lets go of what a test holds back, however it ends: nothing could be stopped otherwise. */
const atEnd: (() => void)[] = [];
beforeAll(async () => {
  bench = await startJobBench();
}, 120_000);
afterEach(() => {
  for (const end of atEnd.splice(0)) end();
  return bench.reset();
});
afterAll(() => bench.close());

const LEASE = { namespace: "default", name: "jobs" };
const FAST = { statusWritesPerSecond: 20 };
const nodes = names(10);
const puts = (orders: readonly string[]): string[] =>
  orders.filter((order) => order.includes(" put ")).sort();
const once = nodes.map((node) => `${node} put nodeupgradejob/up`);
const isDone = async (): Promise<void> => {
  const { status } = await bench.get("NodeUpgradeJob", "up");
  expect(status).toMatchObject({ phase: "Completed", summary: { done: 10 } });
};

/** Changes one method of a client. */
const changing = <K extends keyof KubeClient>(
  client: KubeClient,
  name: K,
  change: (call: KubeClient[K]) => KubeClient[K],
): KubeClient =>
  new Proxy(client, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      return key === name ? change(client[name].bind(client) as KubeClient[K]) : value;
    },
  });

describe("a fleet job whose controllers fail", () => {
  it("E2 begins no node twice when the leader is killed again and again", async () => {
    await bench.addNodes(nodes);
    const orders = await bench.edges(nodes, () => wellDone("NodeUpgradeJob"));
    const history = await bench.history("NodeUpgradeJob", "up");
    await bench.create("NodeUpgradeJob", "up", upgrade(nodes));
    for (let kills = 1; kills <= 3; kills++) {
      const leader = bench.start(FAST);
      const before = history.seen.length;
      await eventually(() => expect(history.seen.length).toBeGreaterThan(before));
      await leader.kill();
    }
    bench.start(FAST);
    await eventually(isDone);
    await eventually(async () => expect(await bench.reports()).toBe(0));
    history.end();
    expect(puts(orders)).toEqual(once);
    expect(Math.max(...history.seen.map(running))).toBe(2);
  });

  it.each([
    { does: "says that somebody was faster, and nothing is written", isWritten: false, code: 409 },
    { does: "is cut before anything is written", isWritten: false, code: 0 },
    { does: "is cut when it was written already", isWritten: true, code: 0 },
    { does: "ends with an error of the server when it was written already", isWritten: true, code: 500 },
  ])("E2 begins no node twice when every other write $does", async ({ isWritten, code }) => {
    await bench.addNodes(nodes);
    const orders = await bench.edges(nodes, () => wellDone("NodeUpgradeJob"));
    const history = await bench.history("NodeUpgradeJob", "up");
    let writes = 0;
    bench.start({
      ...FAST,
      meddle: (client) =>
        changing(client, "update", (update) => async (resource, object, options) => {
          const isFailing = writes++ % 2 === 1;
          if (isFailing && !isWritten) throw failure(code);
          const answer = await update<never>(resource, object, options);
          if (isFailing) throw failure(code);
          return answer;
        }),
    });
    await bench.create("NodeUpgradeJob", "up", upgrade(nodes, { concurrency: 5 }));
    await eventually(isDone);
    history.end();
    expect(puts(orders)).toEqual(once);
    expect(Math.max(...history.seen.map(running))).toBe(5);
  });

  it("E2 begins no node twice beside somebody who writes the job all the time", async () => {
    await bench.addNodes(nodes);
    const orders = await bench.edges(nodes, () => wellDone("NodeUpgradeJob"));
    bench.start(FAST);
    await bench.create("NodeUpgradeJob", "up", upgrade(nodes));
    const meddling = { isOver: false };
    const meddle = async (): Promise<void> => {
      for (let i = 0; !meddling.isOver; i++) {
        const body = { metadata: { labels: { turn: String(i) } } };
        await bench.client.patch(JOBS.NodeUpgradeJob, { name: "up" }, { type: "merge", body });
      }
    };
    const meddler = meddle();
    await eventually(isDone).finally(() => (meddling.isOver = true));
    await meddler;
    expect(puts(orders)).toEqual(once);
  });

  it("withdraws no order, and gives none twice, when a new leader's caches are behind", async () => {
    const gate = holding();
    atEnd.push(gate.release);
    await bench.addNodes(nodes);
    const told: { answer: Told | undefined } = { answer: undefined };
    const orders = await bench.edges(nodes, () => told.answer);
    // So long that no pause of this process changes the leader.
    const election = { ...LEASE, leaseMs: 60_000, renewDeadlineMs: 50_000, retryMs: 100 };
    const first = bench.start({ ...FAST, election });
    await eventually(async () => expect(await bench.client.get(LEASES, LEASE)).toBeDefined());
    await bench.create("NodeUpgradeJob", "other", upgrade(["none"]));
    const second = bench.start({ ...FAST, election, meddle: gate.meddle });
    await eventually(() => expect(gate.isOpened()).toBe(true));
    await bench.create("NodeUpgradeJob", "up", upgrade(nodes, { concurrency: 3 }));
    await eventually(() => expect(puts(orders)).toHaveLength(3));
    await first.kill();
    const body = { spec: { holderIdentity: "" } };
    await bench.client.patch(LEASES, LEASE, { type: "merge", body });
    // It leads by then, and has not heard of the job: placements that it is asked for wait.
    await eventually(async () => {
      await bench.askForPlacement("edge-0");
      const metric = second.registry.getSingleMetric("controller_runtime_active_workers");
      const { values = [] } = (await metric?.get()) ?? {};
      expect(values.find(({ labels }) => labels["controller"] === "job")?.value).toBeGreaterThan(0);
    });
    gate.release();
    told.answer = wellDone("NodeUpgradeJob");
    const job = await bench.get("NodeUpgradeJob", "up");
    for (const order of puts(orders)) await bench.report(job, order.split(" ")[0] ?? "", told.answer);
    await eventually(isDone);
    expect(puts(orders)).toEqual(once);
  });
});

const failure = (code: number): ApiError =>
  new ApiError({ code, reason: code === 409 ? "Conflict" : "Test", message: "meddled with" });

/** Holds back what a client's watches of jobs say, from when they were opened. */
function holding() {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let isOpened = false;
  return {
    release: () => release(),
    isOpened: () => isOpened,
    meddle: (client: KubeClient): KubeClient =>
      changing(client, "watch", (watch) => (resource, options) => {
        const events = watch<Shown>(resource, options);
        if (resource.plural !== JOBS.NodeUpgradeJob.plural) return events as never;
        isOpened = true;
        return held(events, released) as never;
      }),
  };
}

async function* held<T>(
  events: AsyncIterable<WatchEvent<T>>,
  released: Promise<void>,
): AsyncGenerator<WatchEvent<T>> {
  for await (const event of events) {
    await released;
    yield event;
  }
}
