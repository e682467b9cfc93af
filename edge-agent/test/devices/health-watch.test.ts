// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import * as dmi from "@longshore/crds/dmi";
import { Registry } from "prom-client";
import { HEALTH_BUCKET, HealthWatch } from "../../src/devices/health-watch.ts";
import { createDeviceMetrics } from "../../src/devices/metrics.ts";
import { STATE_BUCKET } from "../../src/devices/to-cloud/reporter.ts";
import type { MapperWorker } from "../../src/devices/to-mapper/worker.ts";
import { fakeClock, fakeLog, until } from "../tunnel/fakes.ts";
import { FakeCloud } from "./support/fake-cloud.ts";
import { FakeMapper } from "./support/fake-mapper.ts";
import { MemoryRecords, MemoryStore } from "./support/memory.ts";
import { device, model } from "./support/objects.ts";
import { serveOneDevice, startRoom } from "./support/room.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Commits what is written at once together, as the agent's own do. */
class SlowRecords extends MemoryRecords {
  commits = 0;
  #commit: Promise<void> | undefined;

  override async put(bucket: string, key: string, value: unknown): Promise<void> {
    if (bucket === HEALTH_BUCKET) {
      this.#commit ??= new Promise((resolve) =>
        setImmediate(() => {
          this.commits++;
          this.#commit = undefined;
          resolve();
        }),
      );
      await this.#commit;
    }
    await super.put(bucket, key, value);
  }
}

describe("verdicts on disk", () => {
  it("of many devices that fail together are written together, not one after the other", async () => {
    const store = new MemoryStore();
    store.put(model());
    for (let i = 0; i < 200; i++) store.put(device("1", { name: `d${i}` }));
    const records = new SlowRecords();
    const bench = await startRoom({ store, records });
    stops.push(() => bench.stop());
    await until(() => records.list(HEALTH_BUCKET).length === 200, "the verdicts on disk");
    expect(records.commits).toBeLessThan(5);
  });
});

interface Told {
  readonly devices: readonly { readonly device: string; readonly state?: { readonly state: string } }[];
}

/** A hub that takes batches. */
class Hub extends FakeCloud {
  override takesBatches = true;
  code = "OK";
  override answer = ({ content }: { readonly content: unknown }): { content: unknown } => ({
    content: { results: (content as Told).devices.map(() => [this.code]) },
  });

  /** States that it was told of a device. */
  states(key: string): string[] {
    const entries = this.requests.flatMap(({ resource, content }) =>
      resource === "devices/batch" ? (content as Told).devices : [],
    );
    return entries.flatMap(({ device: name, state }) => (name === key && state ? [state.state] : []));
  }
}

/** What is on disk at this moment. */
async function copyOf(records: MemoryRecords, buckets: readonly string[]): Promise<MemoryRecords> {
  const copy = new MemoryRecords();
  for (const bucket of buckets)
    for (const [key, value] of records.list(bucket)) await copy.put(bucket, key, value);
  return copy;
}

describe("a mapper that is away", () => {
  it("is told of at the end of patience, though that comes in the middle of a look", () => {
    const clock = fakeClock();
    // Each look at the clock takes its time: patience ends between two of them.
    let lookedMs = 0;
    const slow = { ...clock, monotonicMs: () => clock.monotonicMs() + (lookedMs += 60) };
    const store = new MemoryStore();
    store.put(device());
    const told: string[] = [];
    const worker = { unreachableSinceMs: 0, mapper: { name: "m" }, troubleOf: () => undefined };
    const watch = new HealthWatch({
      ...{
        records: new MemoryRecords(),
        clock: slow,
        log: fakeLog(),
        metrics: createDeviceMetrics(new Registry()),
      },
      ...{ emit: () => undefined, devices: () => store.list("device"), storeTold: () => Promise.resolve() },
      view: () => ({
        byProtocol: new Map([["thermo", { wanted: [], kept: new Set<string>() }]]),
        ...{ problems: new Map(), protocols: new Map([["default/d1", "thermo"]]) },
      }),
      mapperOf: () => worker as unknown as MapperWorker,
      tell: (_key, _uid, { state }) => void told.push(state),
      limits: { unreachableAfterMs: 100, gatherMs: 0, writeBehindMs: 1000 },
    });
    stops.push(() => watch.stop());
    watch.look();
    for (let ms = 0; ms < 1000 && told.length === 0; ms += 100) clock.advance(100);
    expect(told).toEqual(["offline"]);
  });
});

describe("a verdict that the cloud has not confirmed", () => {
  it("is told by the agent that starts after one that was killed, whenever that was", async () => {
    const cloud = new Hub();
    const options = { probeMs: 30, unreachableAfterMs: 100, minGapMs: 10 };
    const bench = await startRoom({ cloud, options });
    stops.push(() => bench.stop());
    let mapper = new FakeMapper(bench.mapperPath);
    stops.push(() => mapper.die());
    await serveOneDevice(bench, mapper);
    const say = (state: string): Promise<unknown> =>
      bench.side.call(dmi.DeviceManagerService.reportDeviceStates, {
        deviceName: "d1",
        deviceNamespace: "default",
        state,
      });
    await say("online");
    mapper.die();
    await until(() => cloud.states("default/d1").at(-1) === "offline", "that its mapper is away");
    await until(() => bench.records.list(STATE_BUCKET).length === 0, "that the cloud has it");

    cloud.code = "WAITING";
    mapper = new FakeMapper(bench.mapperPath);
    await mapper.listen();
    const isKnown = (): boolean =>
      (bench.records.get(HEALTH_BUCKET, "default/d1") as { reason?: string } | undefined)?.reason ===
      "Reported";
    await until(isKnown, "that it is served again");
    const killed = await copyOf(bench.records, [
      HEALTH_BUCKET,
      STATE_BUCKET,
      "device-mappers",
      "device-held",
    ]);
    cloud.connect(false);

    const later = new Hub();
    const next = await bench.restart({ records: killed, cloud: later, options });
    stops.push(() => next.stop());
    await until(() => later.states("default/d1").at(-1) === "online", "the verdict");
  });
});
