// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createClient, type KubeClient } from "../../../src/runtime/api/create-client.ts";
import { loadKubeConfig } from "../../../src/runtime/api/kube-config.ts";
import { createCacheMetrics } from "../../../src/runtime/cache/cache-metrics.ts";
import { createCache, type Cache } from "../../../src/runtime/cache/cache.ts";
import type { Informer } from "../../../src/runtime/cache/informer.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { ObjectEvent } from "../../../src/runtime/controller/event.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { startApiServer, type ApiServer } from "../../apiserver.ts";
import { eventually } from "../eventually.ts";
import { CONFIG_MAPS, NAMESPACES, SECRETS, configMap, type ConfigMap } from "../kinds.ts";
import { startTcpProxy, type TcpProxy } from "../tcp-proxy.ts";

let api: ApiServer;
let proxy: TcpProxy;
/** Straight to the server. */
let direct: KubeClient;
/** Through the proxy. */
let proxied: KubeClient;
let proxyCount = 0;
let current: World | undefined;

beforeAll(async () => {
  api = await startApiServer();
  direct = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
}, 100_000);
// Also after a failed test, or its loops would keep the process alive.
afterEach(() => current?.end());
afterAll(async () => {
  await direct.close();
  await api.stop();
});

interface World {
  readonly cache: Cache;
  readonly maps: Informer<ConfigMap>;
  readonly events: string[];
  readonly unknown: string[];
  readonly registry: Registry;
  readonly namespace: string;
  counter(name: string, labels: Record<string, string>): Promise<number>;
  end(): Promise<void>;
}

const described = (e: ObjectEvent<ConfigMap>): string => `${e.type} ${e.object.metadata.name}`;

/** An informer of ConfigMaps in a namespace of its own, whose connections go through a proxy of its own. */
async function startWorld(setUp?: (namespace: string) => Promise<void>): Promise<World> {
  const namespace = `world-${++proxyCount}`;
  await direct.create(NAMESPACES, { metadata: { name: namespace } });
  await setUp?.(namespace);
  proxy = await startTcpProxy(api.port);
  const config = await api.writeKubeconfig(namespace, { url: `https://127.0.0.1:${proxy.port}` });
  proxied = createClient({ kubeConfig: loadKubeConfig(config), userAgent: "test-proxied" });
  const registry = new Registry();
  const cache = createCache({
    client: proxied,
    clock: systemClock,
    log: silentLog,
    metrics: createCacheMetrics(registry),
    tuning: { watchTimeoutMs: 2000, stallMs: 500, minRelistMs: 100, backoff: { baseMs: 50, capMs: 200 } },
  });
  const maps = cache.informer<ConfigMap>(CONFIG_MAPS, { namespace });
  const [events, unknown]: string[][] = [[], []];
  maps.addHandler((event) => {
    events!.push(described(event));
    if (event.type === "delete" && event.stateUnknown) unknown!.push(event.object.metadata.name);
  });
  const stop = new AbortController();
  const running = cache.start(stop.signal);
  await cache.synced();
  current = {
    cache,
    maps,
    registry,
    namespace,
    events: events!,
    unknown: unknown!,
    async counter(name, labels) {
      const metric = (await registry.getMetricsAsJSON()).find((m) => m.name === name);
      const wanted = Object.entries(labels);
      const value = metric?.values.find((v) =>
        wanted.every(([k, x]) => (v.labels as Record<string, unknown>)[k] === x),
      );
      return value?.value ?? 0;
    },
    async end() {
      current = undefined;
      stop.abort();
      await running;
      await proxied.close();
      await proxy.close();
    },
  };
  return current;
}

describe("an informer on a real API server", () => {
  it("R28 holds more than 500 objects, listed in pages, and then follows changes", async () => {
    const count = 1203;
    const world = await startWorld(async (namespace) => {
      const names = Array.from({ length: count }, (_, i) => `m${i}`);
      for (let at = 0; at < count; at += 64) {
        await Promise.all(
          names.slice(at, at + 64).map((name) => direct.create(CONFIG_MAPS, configMap(namespace, name))),
        );
      }
    });
    expect(world.maps.list()).toHaveLength(count);
    expect(world.events).toHaveLength(count);
    expect(new Set(world.maps.list().map((m) => m.metadata.name)).size).toBe(count);
    const one = { namespace: world.namespace, name: "m7" };
    expect(world.maps.get(one)).toMatchObject({ kind: "ConfigMap", apiVersion: "v1" });
    expect(world.maps.get(one)?.metadata).not.toHaveProperty("managedFields");

    await direct.patch(CONFIG_MAPS, one, { type: "merge", body: { data: { k: "v" } } });
    await eventually(() => expect(world.maps.get(one)?.data).toEqual({ k: "v" }));
    expect(world.maps.get(one)?.metadata).not.toHaveProperty("managedFields");
    await direct.delete(CONFIG_MAPS, one);
    await eventually(() => expect(world.maps.get(one)).toBeUndefined());
    expect(world.events.slice(count)).toEqual(["update m7", "delete m7"]);
  }, 60_000);

  it("R28 continues after a dropped connection where it was, without a new list", async () => {
    const world = await startWorld();
    proxy.refuse();
    expect(proxy.cut()).toBeGreaterThan(0);
    await direct.create(CONFIG_MAPS, configMap(world.namespace, "a"));
    await direct.create(CONFIG_MAPS, configMap(world.namespace, "b"));
    await direct.delete(CONFIG_MAPS, { namespace: world.namespace, name: "a" });
    proxy.pass();
    await eventually(() => expect(world.events).toEqual(["create a", "create b", "delete a"]));
    expect(await world.counter("reflector_lists_total", { kind: "ConfigMap" })).toBe(1);
  });

  it("R28 finds out that a connection is silent, and loses nothing", async () => {
    const world = await startWorld();
    proxy.swallow();
    await direct.create(CONFIG_MAPS, configMap(world.namespace, "a"));
    await eventually(async () => {
      expect(await world.counter("reflector_failures_total", { kind: "ConfigMap", reason: "stalled" })).toBe(
        1,
      );
    });
    proxy.pass();
    proxy.cut(); // the attempt that was swallowed too
    await eventually(() => expect(world.events).toEqual(["create a"]));
    expect(await world.counter("reflector_lists_total", { kind: "ConfigMap" })).toBe(1);
  });

  it("R28 R29 lists again after 410 when the server restarted meanwhile, and derives the missed deletions", async () => {
    const world = await startWorld(async (namespace) => {
      for (const name of ["gone", "kept", "reborn"])
        await direct.create(CONFIG_MAPS, configMap(namespace, name));
    });
    proxy.refuse();
    proxy.cut();
    const { namespace } = world;
    await direct.delete(CONFIG_MAPS, { namespace, name: "gone" });
    await direct.delete(CONFIG_MAPS, { namespace, name: "reborn" });
    await direct.create(CONFIG_MAPS, configMap(namespace, "reborn"));
    await api.restart(); // its watch cache begins after our position now
    world.events.length = 0;
    proxy.pass();
    await eventually(() => expect(world.maps.get({ namespace, name: "gone" })).toBeUndefined());
    expect(world.events.sort()).toEqual(["create reborn", "delete gone", "delete reborn"]);
    expect(world.unknown.sort()).toEqual(["gone", "reborn"]);
    expect(await world.counter("reflector_failures_total", { kind: "ConfigMap", reason: "expired" })).toBe(1);
  }, 60_000);

  it("R29 survives a killed API server and sees what happens after its return", async () => {
    const world = await startWorld();
    await api.kill();
    await eventually(async () => {
      expect(
        await world.counter("reflector_failures_total", { kind: "ConfigMap", reason: "disconnected" }),
      ).toBeGreaterThan(1);
    });
    await api.start();
    await direct.create(CONFIG_MAPS, configMap(world.namespace, "after"));
    await eventually(() =>
      expect(world.maps.get({ namespace: world.namespace, name: "after" })).toBeDefined(),
    );
  }, 60_000);

  it("keeps the position of a quiet kind fresh by bookmarks", async () => {
    const world = await startWorld();
    await direct.create(CONFIG_MAPS, configMap("default", `elsewhere-${world.namespace}`));
    await eventually(async () => {
      expect(await world.counter("reflector_watches_total", { kind: "ConfigMap" })).toBeGreaterThanOrEqual(3);
    });
    expect(await world.counter("reflector_lists_total", { kind: "ConfigMap" })).toBe(1);
    expect(world.events).toEqual([]);
  });

  it("holds no secret's value when only metadata was asked for, neither from the list nor from the watch", async () => {
    const world = await startWorld();
    const { namespace } = world;
    const secret = (name: string): object => ({
      metadata: { namespace, name },
      stringData: { password: "hunter2" },
    });
    await direct.create(SECRETS, secret("listed"));
    const secrets = world.cache.informer(SECRETS, { namespace, metadataOnly: true });
    await secrets.synced();
    await direct.create(SECRETS, secret("watched"));
    await eventually(() => expect(secrets.list()).toHaveLength(2));
    expect(JSON.stringify(secrets.list())).not.toMatch(/hunter2|aHVudGVyMg|"data"/);
    expect(secrets.list().map((s) => s.kind)).toEqual(["Secret", "Secret"]);
  });
});
