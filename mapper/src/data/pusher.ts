// SPDX-License-Identifier: Apache-2.0
import { keyOf } from "../device/name.ts";
import type { Clock } from "../clock.ts";
import { withFields, type MapperLog } from "../log.ts";
import { createConnection, type Connection } from "./connection.ts";
import {
  PUSH_COUNTER_NAMES,
  type DataPlane,
  type Delivery,
  type PushCounterName,
  type Sink,
  type Target,
} from "./port.ts";
import { connectionKey } from "./target.ts";

/** Limits and times of the data plane. Milliseconds and bytes. */
export interface PushOptions {
  /** Samples that may wait for one server. Default 1,000 and 1 MiB. */
  readonly maxItems: number;
  readonly maxBytes: number;
  /** Samples a send. Default 100. */
  readonly maxBatch: number;
  /** Deadline of a send. Default 5 s. */
  readonly sendTimeoutMs: number;
  /** Pauses between attempts. Defaults 500 ms to 30 s. */
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  /** Default 64. */
  readonly maxConnections: number;
  /** What may wait for all servers together. Default 8 MiB. */
  readonly maxTotalBytes: number;
}

export const DEFAULT_PUSH_OPTIONS: PushOptions = {
  maxItems: 1_000,
  maxBytes: 1024 * 1024,
  maxBatch: 100,
  sendTimeoutMs: 5_000,
  retryBaseMs: 500,
  retryCapMs: 30_000,
  maxConnections: 64,
  maxTotalBytes: 8 * 1024 * 1024,
};

export interface PusherDeps {
  /** A sink for the connection of this target; undefined when there is none for its kind. */
  readonly openSink: (target: Target) => Sink | undefined;
  readonly clock: Clock;
  readonly log: MapperLog;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly options?: Partial<PushOptions>;
}

interface Link {
  readonly connection: Connection;
  /** Devices that pushed through it. */
  readonly devices: Set<string>;
}

/** A data plane that pushes through the sinks of `openSink`. */
export function createPusher(deps: PusherDeps): DataPlane {
  const { clock, log } = deps;
  const options = { ...DEFAULT_PUSH_OPTIONS, ...deps.options };
  const pauses = { baseMs: options.retryBaseMs, capMs: options.retryCapMs, random: deps.random };
  const counts = Object.fromEntries(PUSH_COUNTER_NAMES.map((name) => [name, 0])) as Record<
    PushCounterName,
    number
  >;
  const count = (name: PushCounterName, by: number): void => {
    counts[name] += by;
  };
  /** By connection key, the one that was offered something longest ago first. */
  const links = new Map<string, Link>();
  const untold = new Set(["kind", "limit"]);
  const waiters = new Set<() => void>();
  let isClosed = false;

  const isIdle = (): boolean => [...links.values()].every(({ connection }) => connection.isIdle());
  const progressed = (): void => waiters.forEach((check) => check());

  function linkOf(target: Target): Link | undefined {
    const key = connectionKey(target);
    const link = links.get(key) ?? openLink(key, target);
    if (!link) return undefined;
    links.delete(key);
    links.set(key, link);
    return link;
  }

  function openLink(key: string, target: Target): Link | undefined {
    const firstSink = deps.openSink(target);
    if (!firstSink) {
      tellOnce("kind", target, "nothing here pushes to this kind of server; counting");
      return undefined;
    }
    if (links.size >= options.maxConnections && !closeIdle()) {
      firstSink.close();
      tellOnce("limit", target, "more servers to push to than allowed; counting");
      return undefined;
    }
    const openSink = (): Sink => {
      const sink = deps.openSink(target);
      if (!sink) throw new Error("a kind of sink is gone");
      return sink;
    };
    const connection = createConnection({
      ...{ firstSink, openSink, clock, count, pauses, limits: options, onProgress: progressed },
      log: withFields(log, { server: key }), // the key holds no secret
    });
    return { connection, devices: new Set() };
  }

  function tellOnce(what: string, { kind }: Target, message: string): void {
    if (untold.delete(what)) log.warn({ kind }, message);
  }

  function closeIdle(): boolean {
    const [key, link] = [...links].find(([, { connection }]) => connection.isIdle()) ?? [];
    if (key === undefined) return false;
    link?.connection.close();
    return links.delete(key);
  }

  /** The largest gives way: who has little waiting is not who fills the memory. */
  function shrinkTotal(): void {
    let total = 0;
    for (const { connection } of links.values()) total += connection.bytes();
    while (total > options.maxTotalBytes) {
      const bySize = [...links.values()].sort((a, b) => b.connection.bytes() - a.connection.bytes());
      const largest = bySize.find(({ connection }) => connection.dropOldest());
      if (!largest) return; // all of it is being sent
      total = bySize.reduce((sum, { connection }) => sum + connection.bytes(), 0);
    }
  }

  function offerOne(delivery: Delivery): void {
    count("offered", 1);
    const link = isClosed ? undefined : linkOf(delivery.target);
    if (!link) {
      count("unconnected", 1);
      return;
    }
    link.devices.add(deviceOf(delivery));
    link.connection.offer(delivery);
  }

  return {
    offer: (targets, sample) => {
      for (const target of targets) offerOne({ target, sample });
      shrinkTotal();
    },
    forget: (device) => {
      const gone = keyOf(device);
      for (const [key, { connection, devices }] of links) {
        if (!devices.delete(gone)) continue;
        connection.forget((delivery) => deviceOf(delivery) === gone);
        if (devices.size > 0) continue;
        connection.close();
        links.delete(key);
      }
      progressed();
    },
    flush: (timeoutMs) =>
      new Promise((resolve) => {
        const end = (isDone: boolean): void => {
          cancel();
          waiters.delete(check);
          resolve(isDone);
        };
        const check = (): void => {
          if (isIdle()) end(true);
        };
        const cancel = clock.schedule(timeoutMs, () => end(false));
        waiters.add(check);
        for (const { connection } of links.values()) connection.hurry();
        check();
      }),
    counters: () => ({ ...counts }),
    close: () => {
      isClosed = true;
      for (const { connection } of links.values()) connection.close();
      links.clear();
      progressed();
    },
  };
}

const deviceOf = ({ sample }: Delivery): string =>
  keyOf({ namespace: sample.namespace, name: sample.device });
