// SPDX-License-Identifier: Apache-2.0
import { parseResource, type Frame } from "@longshore/crds/wire";
import { Registry } from "prom-client";
import { createSessionGrants } from "../../../src/hub/auth/grants.ts";
import type { PullSecrets } from "../../../src/hub/auth/index.ts";
import {
  createUplinkHandlers,
  type DeviceOptions,
  type DeviceOwners,
  type NodeEndpoint,
  type TaskReportOptions,
  type UplinkSession,
} from "../../../src/hub/uplink/index.ts";
import type { Client } from "../../../src/runtime/client.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { FakeClient } from "./fake-client.ts";

export interface SentFrame extends Frame {
  readonly content: never;
}

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

/** Keeps every line. */
function recordingLog(lines: Line[]) {
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

const instant: Clock = {
  nowMs: () => 0,
  wallMs: () => 0,
  schedule: (_delayMs: number, task: () => void) => {
    queueMicrotask(task);
    return () => undefined;
  },
};

export interface BenchOptions {
  readonly node?: string;
  readonly negotiated?: boolean;
  /** A real API server instead of the fake one. */
  readonly api?: Client;
  readonly nodeEndpoint?: NodeEndpoint;
  /** default: one that stands still and runs at once what is to run later */
  readonly clock?: Clock;
  /** With a real API server answers come when they are known, however late. */
  readonly devices?: Partial<DeviceOptions>;
  readonly deviceOwners?: DeviceOwners;
  readonly tasks?: Partial<TaskReportOptions>;
  /** Secrets of image pulls. */
  readonly pulls?: PullSecrets;
}

/** All handlers, one session of `edge-1` and the fake API server behind them. */
export function uplinkBench({
  node = "edge-1",
  negotiated = false,
  api,
  nodeEndpoint,
  clock = instant,
  pulls,
  devices,
  ...more
}: BenchOptions = {}) {
  const fake = new FakeClient();
  const client = api ?? fake;
  const registry = new Registry();
  const lines: Line[] = [];
  const log = recordingLog(lines);
  const handlers = createUplinkHandlers({
    ...{ client, log, registry, clock, nodeEndpoint, ...more },
    devices: { ...(api && { answerMs: 60_000 }), ...devices },
  });
  const byType = new Map(
    handlers.flatMap((handler) => handler.types.map((type) => [type, handler] as const)),
  );
  const ended = new AbortController();
  const sent: SentFrame[] = [];
  const told: string[] = [];
  const sessionOf = (name: string, connection: string): UplinkSession => ({
    node: name,
    connection,
    negotiated,
    grants: createSessionGrants({ client, node: name, clock, minRelistMs: 0, ...(pulls && { pulls }) }),
    signal: ended.signal,
    log,
    send: (frame) => void sent.push(frame as SentFrame),
    pushNode: () => void told.push(`pushNode after ${sent.length}`),
    reinstalled: () => {
      told.push("reinstalled");
      return Promise.resolve();
    },
  });
  const session = sessionOf(node, "c1");
  const neighbour = sessionOf("edge-2", "c2");
  let id = 0;
  const frame = (operation: string, resource: string, content: unknown = null): Frame => ({
    header: { msg_id: `m${++id}`, timestamp: 1 },
    route: { source: "edged", group: "meta", operation, resource },
    content,
  });
  const handle = async (message: Frame, as = session): Promise<void> => {
    const resource = parseResource(message.route.resource ?? "");
    const handler = byType.get(resource.type);
    if (handler === undefined) throw new Error(`no handler for ${resource.type}`);
    await handler.handle(message, resource, as);
  };
  const askAs = async (as: UplinkSession, message: Frame): Promise<SentFrame | undefined> => {
    const before = sent.length;
    await handle(message, as);
    return sent.slice(before).at(-1);
  };
  const ask = (
    operation: string,
    resource: string,
    content: unknown = null,
  ): Promise<SentFrame | undefined> => askAs(session, frame(operation, resource, content));
  const rejected = async (reason: string): Promise<number> => {
    const metric = await registry.getSingleMetric("edge_reject_total")?.get();
    return metric?.values.find(({ labels }) => labels["reason"] === reason)?.value ?? 0;
  };
  /** Every refusal so far, by reason. */
  const rejects = async (): Promise<Record<string, number>> => {
    const metric = await registry.getSingleMetric("edge_reject_total")?.get();
    const counted = (metric?.values ?? []).filter(({ value }) => value > 0);
    return Object.fromEntries(counted.map(({ labels, value }) => [String(labels["reason"]), value]));
  };
  /** A counter's value over all labels that fit. */
  const counted = async (metric: string, labels: Readonly<Record<string, string>> = {}): Promise<number> => {
    const values = (await registry.getSingleMetric(metric)?.get())?.values ?? [];
    const fits = values.filter((v) =>
      Object.entries(labels).every(([key, value]) => v.labels[key] === value),
    );
    return fits.reduce((sum, { value }) => sum + value, 0);
  };
  /** Entries of device reports that were left out for a reason. */
  const left = async (reason: string): Promise<number> => {
    const metric = await registry.getSingleMetric("longshore_device_report_entries_skipped_total")?.get();
    return metric?.values.find(({ labels }) => labels["reason"] === reason)?.value ?? 0;
  };
  /** What the session of edge-2 on the same hub is answered. */
  const askAsNeighbour = (operation: string, resource: string, content: unknown = null) =>
    askAs(neighbour, frame(operation, resource, content));
  return {
    client: fake,
    session,
    lines,
    rejects,
    counted,
    left,
    askAsNeighbour,
    sent,
    told,
    types: [...byType.keys()],
    frame,
    handle,
    ask,
    rejected,
    ended,
  };
}
