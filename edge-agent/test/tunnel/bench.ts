// SPDX-License-Identifier: Apache-2.0
import type { IncomingStream } from "@longshore/crds/stream";
import type { Frame } from "@longshore/crds/wire";
import { randomUUID } from "node:crypto";
import {
  createTunnel,
  DEFAULT_TUNNEL_OPTIONS,
  type Tunnel,
  type TunnelOptions,
  type Uplink,
} from "../../src/tunnel/index.ts";
import type { Authority } from "../join/authority.ts";
import { open, temporaryDirectory, type OpenStore } from "../store/gen.ts";
import { fakeClock, fakeLog, fakeMetrics, type FakeClock, type FakeLog, type FakeMetrics } from "./fakes.ts";
import { startHub, type Hub } from "./hub.ts";

export interface Bench {
  readonly tunnel: Tunnel & Uplink;
  readonly hub: Hub;
  readonly store: OpenStore;
  readonly clock: FakeClock;
  readonly log: FakeLog;
  readonly metrics: FakeMetrics;
  end(): Promise<void>;
}

export interface BenchOptions {
  readonly negotiates: boolean;
  readonly options?: Partial<TunnelOptions>;
  readonly random?: () => number;
  /** default edge-1 */
  readonly node?: string;
  readonly onIncoming?: (incoming: IncomingStream) => void;
  readonly onTaskOrder?: (frame: Frame) => void;
}

/** An agent's tunnel with a real store, a hub on the other side, and a clock that the test moves. */
export async function startBench(authority: Authority, how: BenchOptions): Promise<Bench> {
  const hub = await startHub(authority, how.negotiates);
  const [clock, log, metrics, store] = [fakeClock(), fakeLog(), fakeMetrics(), open(temporaryDirectory())];
  const node = how.node ?? "edge-1";
  const identity = await authority.node(node);
  const tunnel = createTunnel({
    options: { ...DEFAULT_TUNNEL_OPTIONS, server: hub.address, ...how.options },
    facts: { node, agentVersion: "0.0.0", machineId: "machine", bootId: "boot" },
    identity: () => ({ ca: authority.caPem, ...identity }),
    desired: store.desired,
    records: store.records,
    log,
    clock,
    metrics,
    newId: randomUUID,
    random: how.random ?? (() => 0.5),
    ...(how.onIncoming && { onIncoming: how.onIncoming }),
    ...(how.onTaskOrder && { onTaskOrder: how.onTaskOrder }),
  });
  const end = async (): Promise<void> => {
    const stopped = tunnel.stop();
    await hub.close();
    await stopped;
    store.close();
  };
  return { tunnel, hub, store, clock, log, metrics, end };
}
