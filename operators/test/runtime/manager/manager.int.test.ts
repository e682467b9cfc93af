// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import {
  LeaderLostError,
  applyStatusIfChanged,
  createClient,
  createManager,
  ensureFinalizer,
  isConflict,
  isInvalid,
  isNotFound,
  loadKubeConfig,
  newController,
  removeFinalizer,
  silentLog,
  withController,
  type KubeClient,
  type KubeObject,
  type Manager,
  type ManagerOptions,
  type Reconciler,
} from "../../../src/runtime/index.ts";
import { freePort, startApiServer, type ApiServer } from "../../apiserver.ts";
import { eventually } from "../eventually.ts";
import { CONFIG_MAPS, NODES, configMap, type ConfigMap } from "../kinds.ts";
import { startTcpProxy } from "../tcp-proxy.ts";

let api: ApiServer;
let client: KubeClient;
const running: { stop: AbortController; ended: Promise<unknown> }[] = [];

beforeAll(async () => {
  api = await startApiServer();
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
}, 100_000);
afterEach(async () => {
  for (const { stop } of running) stop.abort();
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});
afterAll(async () => {
  await client.close();
  await api.stop();
});

const FAST = { watchTimeoutMs: 5000, minRelistMs: 100, backoff: { baseMs: 50, capMs: 200 } };
const make = (options: Partial<ManagerOptions> = {}): Manager =>
  createManager({ client, registry: new Registry(), log: silentLog, cacheTuning: FAST, ...options });

function run(manager: Manager): { stop: AbortController; ended: Promise<unknown> } {
  const stop = new AbortController();
  const ended = manager.start(stop.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  const one = { stop, ended };
  running.push(one);
  return one;
}

const text = (url: string): Promise<string> => fetch(url).then((r) => r.text());
const election = (name: string): NonNullable<ManagerOptions["leaderElection"]> => ({
  namespace: "default",
  name,
  leaseMs: 1500,
  renewDeadlineMs: 1000,
  retryMs: 200,
});

/** A term that ends by itself only after the test. */
const LONG = { leaseMs: 120_000, renewDeadlineMs: 90_000 };

describe("a manager on a real API server", () => {
  it("makes a copy of each labelled object by server-side apply, and heals what is deleted or changed", async () => {
    const manager = make();
    const maps = manager.cache.informer<ConfigMap>(CONFIG_MAPS);
    const reconcile: Reconciler = async (request, { signal }) => {
      const source = maps.get(request);
      if (source?.metadata.labels?.["copy"] !== "yes") return {};
      const { namespace = "", name } = source.metadata;
      const ownerReferences = withController({
        owner: source,
        ownerResource: CONFIG_MAPS,
        object: { namespace },
      });
      const copy = { metadata: { namespace, name: `${name}-copy`, ownerReferences }, data: source.data };
      await manager.client.apply(CONFIG_MAPS, copy, { fieldManager: "copier", signal });
      manager
        .recorder("copier")
        .event(source, { type: "Normal", reason: "Copied", action: "Copy", note: "copied" });
      return {};
    };
    newController(manager).for(CONFIG_MAPS).owns(CONFIG_MAPS).named("copier").complete(reconcile);
    const { stop, ended } = run(manager);
    const copy = { namespace: "default", name: "src-copy" };
    const data = async (): Promise<unknown> => (await client.get<ConfigMap>(CONFIG_MAPS, copy)).data;
    const source = configMap("default", "src", { a: "1" }) as { metadata: object };
    await client.create(CONFIG_MAPS, {
      ...source,
      metadata: { ...source.metadata, labels: { copy: "yes" } },
    });
    await eventually(async () => expect(await data()).toEqual({ a: "1" }));

    await client.delete(CONFIG_MAPS, copy);
    await eventually(async () => expect(await data()).toEqual({ a: "1" }));

    await client.patch(CONFIG_MAPS, copy, { type: "merge", body: { data: { a: "2", b: "user" } } });
    await eventually(async () => expect(await data()).toEqual({ a: "1", b: "user" })); // R45: the user's own field stays

    stop.abort();
    expect(await ended).toBeUndefined();
    const events = await client.list<KubeObject & { reason: string; series?: { count: number } }>(
      { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event", namespaced: true },
      { namespace: "default" },
    );
    const copied = events.items.filter((event) => event.reason === "Copied");
    expect(copied).toHaveLength(1); // repeats are a count
    expect(copied[0]?.series?.count).toBeGreaterThan(1);
  });

  it("R17 lets one lead, hands over at a stop within seconds, and the term rises", async () => {
    const terms: string[] = [];
    const candidate = (name: string): ReturnType<typeof run> => {
      const manager = make({ leaderElection: { ...election("handover"), ...LONG } });
      manager.add({
        start: async (signal) => {
          terms.push(`${name} ${manager.term()}`);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
      });
      return run(manager);
    };
    const first = candidate("first");
    await eventually(() => expect(terms).toHaveLength(1));
    candidate("second");
    first.stop.abort();
    expect(await first.ended).toBeUndefined();
    await eventually(() => expect(terms).toHaveLength(2));
    const [before, after] = terms.map((line) => Number(line.split(" ")[1]));
    expect(terms[1]).toMatch(/^second/);
    expect(after).toBeGreaterThan(before!);
  });

  it("R17 ends with LeaderLostError when the API server cannot be reached, and refuses every write after that", async () => {
    const proxy = await startTcpProxy(api.port);
    const kubeConfig = loadKubeConfig(
      await api.writeKubeconfig("lost", { url: `https://127.0.0.1:${proxy.port}` }),
    );
    const remote = createClient({ kubeConfig, userAgent: "lost" });
    const manager = make({ client: remote, leaderElection: election("lost") });
    let isLeader = false;
    manager.add({
      start: (signal) => {
        isLeader = true;
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    });
    const { ended } = run(manager);
    await eventually(() => expect(isLeader).toBe(true));
    const term = manager.term();
    proxy.swallow();
    const lostAtMs = performance.now();
    expect(await ended).toBeInstanceOf(LeaderLostError);
    expect(performance.now() - lostAtMs).toBeLessThan(8_000);
    proxy.pass();
    await expect(manager.client.create(CONFIG_MAPS, configMap("default", "zombie"))).rejects.toMatchObject({
      reason: "LeadershipLost",
    });
    const taker = make({ leaderElection: election("lost") });
    run(taker);
    await eventually(() => expect(taker.term()).toBeGreaterThan(term));
    await proxy.close();
    await remote.close();
  });

  it("without election has a term above that of whoever was elected before, or its placements would be refused", async () => {
    const elected = make({ leaderElection: election("was-elected") });
    run(elected);
    await eventually(() => expect(elected.term()).toBeGreaterThan(0));
    expect(make({}).term()).toBeGreaterThanOrEqual(elected.term());
  });

  it("R17 tells that leadership was lost when all that it ran has ended, or the next leader's part would meet it", async () => {
    const manager = make({ leaderElection: election("ends-first") });
    let hasEnded = false;
    manager.add({
      start: async (signal) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await new Promise((resolve) => setTimeout(resolve, 300)); // a call that is still answered
        hasEnded = true;
      },
    });
    const { ended } = run(manager);
    await eventually(() => expect(manager.isLeading()).toBe(true));
    const leases = { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" } as const;
    await client.patch(
      { ...leases, namespaced: true },
      { namespace: "default", name: "ends-first" },
      { type: "merge", body: { spec: { holderIdentity: "somebody else" } } },
    );
    expect(await ended).toBeInstanceOf(LeaderLostError);
    expect(hasEnded).toBe(true);
  });

  it("R17 refuses to write after the event loop stood still past the deadline, before any timer ran", async () => {
    const manager = make({ leaderElection: election("stalled") });
    const { ended } = run(manager);
    await eventually(() => expect(manager.isLeading()).toBe(true));
    const untilMs = performance.now() + 1300;
    while (performance.now() < untilMs); // nothing else runs in this process
    const write = manager.client.create(CONFIG_MAPS, configMap("default", "after-stall"));
    await expect(write).rejects.toMatchObject({ reason: "LeadershipLost" });
    expect(await ended).toBeInstanceOf(LeaderLostError);
    await expect(client.get(CONFIG_MAPS, { namespace: "default", name: "after-stall" })).rejects.toThrow(
      /not found/,
    );
  });

  it("serves probes and metrics, and tells which check fails but not why", async () => {
    const [probes, metrics] = [await freePort(), await freePort()];
    const manager = make({ probes: { port: probes }, metrics: { port: metrics } });
    let isWell = false;
    manager.addReadyCheck("redis", () => {
      if (!isWell) throw new Error("secret reason");
    });
    newController(manager)
      .for(CONFIG_MAPS)
      .complete(() => Promise.resolve({}));
    run(manager);
    await eventually(async () => expect(await text(`http://127.0.0.1:${probes}/healthz`)).toBe("ok"));
    await eventually(async () => expect(await text(`http://127.0.0.1:${probes}/readyz/caches`)).toBe("ok"));
    const bad = await text(`http://127.0.0.1:${probes}/readyz`);
    expect(bad).toContain("[-]redis failed: reason withheld");
    expect(bad).not.toContain("secret");
    expect(await text(`http://127.0.0.1:${probes}/readyz?exclude=redis`)).toBe("ok");
    isWell = true;
    expect(await text(`http://127.0.0.1:${probes}/readyz?verbose`)).toContain("[+]redis ok");
    const served = await text(`http://127.0.0.1:${metrics}/metrics`);
    expect(served).toContain('controller_runtime_reconcile_total{controller="configmap",result="error"} 0');
    expect(served).toContain('workqueue_depth{name="configmap",controller="configmap",priority="0"} 0');
  });

  it("stops everything and returns the error when one runnable fails", async () => {
    const manager = make();
    let isStopped = false;
    manager.add({
      needsLeaderElection: false,
      start: (signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            isStopped = true;
            resolve();
          });
        }),
    });
    manager.add({ start: () => Promise.reject(new Error("broken part")) });
    expect(await run(manager).ended).toMatchObject({ message: "broken part" });
    expect(isStopped).toBe(true);
    expect(() => manager.add({ start: () => Promise.resolve() })).toThrow("stopping");
  });

  it("R45 reports a conflict as one, and a patch with an old version changes nothing", async () => {
    const created = await client.create<ConfigMap>(
      CONFIG_MAPS,
      configMap("default", "contested", { a: "1" }),
    );
    await client.patch(CONFIG_MAPS, created.metadata, { type: "merge", body: { data: { a: "user" } } });
    const stale = { ...created, data: { a: "operator" } };
    expect(isConflict(await client.update(CONFIG_MAPS, stale).catch((e: unknown) => e))).toBe(true);
    const finalizer = { client, resource: CONFIG_MAPS, object: created, finalizer: "longshore.io/test" };
    expect(isConflict(await ensureFinalizer(finalizer).catch((e: unknown) => e))).toBe(true);
    expect((await client.get<ConfigMap>(CONFIG_MAPS, created.metadata)).data).toEqual({ a: "user" });
  });

  it("keeps an object with a finalizer until the cleanup is done", async () => {
    const object = await client.create<ConfigMap>(CONFIG_MAPS, configMap("default", "final"));
    const kept = await ensureFinalizer({
      client,
      resource: CONFIG_MAPS,
      object,
      finalizer: "longshore.io/test",
    });
    await client.delete(CONFIG_MAPS, object.metadata);
    const deleting = await client.get<ConfigMap>(CONFIG_MAPS, object.metadata);
    expect(deleting.metadata.deletionTimestamp).toBeDefined();
    const other = { client, resource: CONFIG_MAPS, object: deleting, finalizer: "longshore.io/other" };
    await expect(ensureFinalizer(other)).rejects.toMatchObject({ name: "TerminalError" });
    const current = {
      ...kept,
      metadata: { ...kept.metadata, resourceVersion: deleting.metadata.resourceVersion },
    };
    await removeFinalizer({ client, resource: CONFIG_MAPS, object: current, finalizer: "longshore.io/test" });
    expect(isNotFound(await client.get(CONFIG_MAPS, object.metadata).catch((e: unknown) => e))).toBe(true);
    await removeFinalizer({ client, resource: CONFIG_MAPS, object: current, finalizer: "longshore.io/test" });
  });

  it("applies a status once, not again when it is there, and never to another uid", async () => {
    type Node = KubeObject & { status?: object };
    const read = (): Promise<Node> => client.get<Node>(NODES, { name: "edge-1" });
    await client.create(NODES, { metadata: { name: "edge-1" } });
    const status = { phase: "Running" };
    const call = { client, resource: NODES, status, fieldManager: "status-test" };
    const first = await read();
    expect(await applyStatusIfChanged({ ...call, object: first })).toBe(true);
    const second = await read();
    expect(second.status).toMatchObject(status);
    expect(await applyStatusIfChanged({ ...call, object: second })).toBe(false);
    expect((await read()).metadata.resourceVersion).toBe(second.metadata.resourceVersion);
    await client.delete(NODES, { name: "edge-1" });
    await client.create(NODES, { metadata: { name: "edge-1" } });
    const reborn = applyStatusIfChanged({ ...call, object: first });
    expect(isInvalid(await reborn.catch((e: unknown) => e))).toBe(true);
  });
});
