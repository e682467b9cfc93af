// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createClient, type KubeClient } from "../../../src/runtime/api/create-client.ts";
import { loadKubeConfig } from "../../../src/runtime/api/kube-config.ts";
import { createCacheMetrics } from "../../../src/runtime/cache/cache-metrics.ts";
import { createCache, type Cache } from "../../../src/runtime/cache/cache.ts";
import type { Informer } from "../../../src/runtime/cache/informer.ts";
import type { Resource } from "../../../src/runtime/client.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { ApiError } from "../../../src/runtime/errors.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { startApiServer, type ApiServer } from "../../apiserver.ts";
import { eventually } from "../eventually.ts";
import { CONFIG_MAPS, NAMESPACES, NODES, SECRETS } from "../kinds.ts";

const CRDS: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};
const WIDGETS: Resource = {
  group: "test.example",
  version: "v1",
  plural: "widgets",
  kind: "Widget",
  namespaced: true,
};
const SERVICE_ACCOUNTS: Resource = {
  group: "",
  version: "v1",
  plural: "serviceaccounts",
  kind: "ServiceAccount",
  namespaced: true,
};
const KINDS = [CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, NODES, NAMESPACES, WIDGETS];

const widgetCrd = {
  metadata: { name: "widgets.test.example" },
  spec: {
    group: WIDGETS.group,
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

let api: ApiServer;
let direct: KubeClient;
let client: KubeClient;
let cache: Cache;
let running: Promise<void>;
const registry = new Registry();
const stop = new AbortController();
const lines: string[] = [];
/** When each kind saw each object first, by `kind name`. */
const seenAtMs = new Map<string, number>();
/** Until when a kind was told to wait by a Retry-After, as a server that starts does for kinds of CRDs. */
const waitsUntilMs = new Map<string, number>();
const informers = new Map<Resource, Informer>();

const objectOf = (resource: Resource, name: string): object => ({
  metadata: { name, ...(resource.namespaced && { namespace: "default" }) },
});
const holds = (resource: Resource, name: string): boolean =>
  informers.get(resource)?.get(resource.namespaced ? { namespace: "default", name } : { name }) !== undefined;

beforeAll(async () => {
  api = await startApiServer();
  direct = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await direct.create(CRDS, widgetCrd);
  await eventually(() => direct.list(WIDGETS).then(() => undefined));
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test-informers" });
  const noteWait = (fields: object): void => {
    const { kind, delayMs, err } = fields as { kind: string; delayMs: number; err?: Partial<ApiError> };
    if (err?.status?.details?.retryAfterSeconds !== undefined)
      waitsUntilMs.set(kind, performance.now() + delayMs);
  };
  const record = (_: object, message: string): void => void lines.push(message);
  cache = createCache({
    client,
    clock: systemClock,
    log: { ...silentLog, info: record, warn: record, debug: noteWait },
    metrics: createCacheMetrics(registry),
  });
  for (const kind of KINDS) {
    const informer = cache.informer(kind);
    informer.addHandler(({ object }) => {
      const key = `${kind.kind} ${object.metadata.name}`;
      if (!seenAtMs.has(key)) seenAtMs.set(key, performance.now());
    });
    informers.set(kind, informer);
  }
  running = cache.start(stop.signal);
  await cache.synced();
}, 100_000);
afterAll(async () => {
  stop.abort();
  await running;
  await client.close();
  await direct.close();
  await api.stop();
});

async function failures(kind: string): Promise<number> {
  const metric = (await registry.getMetricsAsJSON()).find((m) => m.name === "reflector_failures_total");
  const values = metric?.values ?? [];
  return values.reduce((sum, v) => sum + ((v.labels as { kind?: string }).kind === kind ? v.value : 0), 0);
}

describe("informers with default settings", () => {
  it.each([1, 2])(
    "R29 are all current within 5 s after a killed API server is ready again and any Retry-After is over, and say so once (kill %i)",
    async (round) => {
      lines.length = 0;
      const before = await Promise.all(KINDS.map((kind) => failures(kind.kind)));
      await api.kill();
      // Long enough for every pause to have reached its cap.
      await eventually(async () => {
        for (const [i, kind] of KINDS.entries()) {
          expect((await failures(kind.kind)) - before[i]!).toBeGreaterThanOrEqual(7);
        }
      }, 60_000);
      expect(lines).toEqual(KINDS.map(() => "list or watch failed"));

      await api.start();
      const readyAtMs = performance.now();
      // On the connections that the kill left dead: reads are repeated, so the first one succeeds.
      await direct.list(NAMESPACES);
      await Promise.all(KINDS.map((kind) => direct.create(kind, objectOf(kind, `after-${round}`))));
      await eventually(() => expect(KINDS.filter((kind) => !holds(kind, `after-${round}`))).toEqual([]));
      for (const kind of KINDS) {
        const dueAtMs = Math.max(readyAtMs, waitsUntilMs.get(kind.kind) ?? 0);
        expect(seenAtMs.get(`${kind.kind} after-${round}`)! - dueAtMs).toBeLessThan(5000);
      }
      await eventually(() => expect(lines).toHaveLength(2 * KINDS.length));
      // The one, or the other where the server no longer knew our position.
      for (const line of lines.slice(KINDS.length))
        expect(["watching again", "listed again"]).toContain(line);
    },
    150_000,
  );
});
