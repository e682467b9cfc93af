// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { createEventBus, type EventBus, type EventBusDeps } from "../../../src/bus/index.ts";
import type { DeviceBook } from "../../../src/bus/port.ts";
import { systemClock, type Clock } from "../../../src/clock.ts";
import { createOutbox } from "../../../src/store/index.ts";
import { FakeCloud } from "../../devices/support/fake-cloud.ts";
import { MemoryRecords } from "../../devices/support/memory.ts";
import { fakeLog } from "../../tunnel/fakes.ts";
import { FakeBook } from "./fake-book.ts";

export interface BusBench {
  readonly dir: string;
  readonly bus: EventBus;
  readonly book: FakeBook;
  readonly cloud: FakeCloud;
  readonly records: MemoryRecords;
  readonly lines: string[];
  readonly rejects: Map<string, number>;
  /** Topic and content of what the cloud was sent. */
  readonly uploads: () => (readonly [string, unknown])[];
  readonly metric: (name: string, labels?: Record<string, string>) => Promise<number>;
  /** Another agent on the same disk. */
  readonly restart: (more?: Partial<BusOptions>) => Promise<BusBench>;
  readonly stop: () => Promise<void>;
}

export interface BusOptions {
  readonly config: Partial<EventBusDeps["config"]>;
  readonly book: DeviceBook;
  readonly cloud: FakeCloud;
  readonly records: MemoryRecords;
  readonly dir: string;
  readonly clock: Clock;
  readonly isAnswered: () => boolean;
  readonly openOutbox: EventBusDeps["openOutbox"];
}

const CONFIG: EventBusDeps["config"] = {
  enable: true,
  external: undefined,
  internal: undefined,
  clientId: "",
  username: "",
  password: "",
  tls: undefined,
  qos: 0,
  retain: false,
  sessionQueueSize: 100,
  credentialsFile: "",
  maxPayloadBytes: 262_144,
  messagesPerSecond: 100,
  messageBurst: 200,
  uploadsPerSecond: 10_000,
  outboxBytes: 64 * 1024 * 1024,
  outboxMaxAgeMs: 7 * 86_400_000,
};

/** The event bus as the agent makes it, with a cloud in memory and its outbox on disk. */
export async function startBus(options: Partial<BusOptions> = {}): Promise<BusBench> {
  const { cloud = new FakeCloud(), records = new MemoryRecords(), clock = systemClock } = options;
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "bus-"));
  const fake = new FakeBook()
    .add("default/d1", { t: { type: "int" } })
    .add("default/d2", { t: { type: "int" } });
  const book = options.book ?? fake;
  const registry = new Registry();
  const log = fakeLog();
  const rejects = new Map<string, number>();
  const config = { ...CONFIG, ...options.config };
  const path = join(dir, "outbox.db");
  let ids = 0;
  const bus = createEventBus({
    config,
    node: "edge-1",
    requestTimeoutMs: 5_000,
    book,
    records,
    openOutbox:
      options.openOutbox ??
      ((onDropped) =>
        createOutbox(path, {
          clock,
          log,
          maxBytes: config.outboxBytes,
          maxAgeMs: config.outboxMaxAgeMs,
          onDropped,
        })),
    hasOutbox: () => existsSync(path),
    uplink: cloud,
    isAnswered: options.isAnswered ?? (() => true),
    clock,
    log,
    registry,
    newId: () => `id-${++ids}`,
    random: () => 0,
    onReject: (reason) => void rejects.set(reason, (rejects.get(reason) ?? 0) + 1),
  });
  await bus.start();
  return {
    dir,
    bus,
    book: fake,
    cloud,
    records,
    lines: log.lines,
    rejects,
    uploads: () =>
      cloud.requests.flatMap(({ operation, resource, content }) =>
        operation === "upload" ? [[resource, content] as const] : [],
      ),
    metric: async (name, labels = {}) => {
      const metric = (await registry.getMetricsAsJSON()).find((m) => m.name === name);
      const match = metric?.values.find((v) =>
        Object.entries(labels).every(([k, want]) => (v.labels as Record<string, unknown>)[k] === want),
      );
      return match?.value ?? 0;
    },
    restart: (more = {}) => startBus({ ...options, ...more, cloud, records, dir }),
    stop: () => bus.stop(),
  };
}
