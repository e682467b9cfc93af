// SPDX-License-Identifier: Apache-2.0
import { parseResource, type Frame } from "@longshore/crds/wire";
import { Registry } from "prom-client";
import { createSessionGrants } from "../../../src/hub/auth/grants.ts";
import { createUplinkHandlers, type UplinkSession } from "../../../src/hub/uplink/index.ts";
import type { Client } from "../../../src/runtime/client.ts";
import { FakeClient } from "./fake-client.ts";

export interface SentFrame extends Frame {
  readonly content: never;
}

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const clock = {
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
}

/** All handlers, one session of `edge-1` and the fake API server behind them. */
export function uplinkBench({ node = "edge-1", negotiated = false, api }: BenchOptions = {}) {
  const fake = new FakeClient();
  const client = api ?? fake;
  const registry = new Registry();
  const handlers = createUplinkHandlers({ client, log: silent, registry, clock });
  const byType = new Map(
    handlers.flatMap((handler) => handler.types.map((type) => [type, handler] as const)),
  );
  const ended = new AbortController();
  const sent: SentFrame[] = [];
  const told: string[] = [];
  const session: UplinkSession = {
    node,
    connection: "c1",
    negotiated,
    grants: createSessionGrants({ client, node, clock, minRelistMs: 0 }),
    signal: ended.signal,
    log: silent,
    send: (frame) => void sent.push(frame as SentFrame),
    pushNode: () => void told.push(`pushNode after ${sent.length}`),
    reinstalled: () => {
      told.push("reinstalled");
      return Promise.resolve();
    },
  };
  let id = 0;
  const frame = (operation: string, resource: string, content: unknown = null): Frame => ({
    header: { msg_id: `m${++id}`, timestamp: 1 },
    route: { source: "edged", group: "meta", operation, resource },
    content,
  });
  const handle = async (message: Frame): Promise<void> => {
    const resource = parseResource(message.route.resource ?? "");
    const handler = byType.get(resource.type);
    if (handler === undefined) throw new Error(`no handler for ${resource.type}`);
    await handler.handle(message, resource, session);
  };
  const ask = async (
    operation: string,
    resource: string,
    content: unknown = null,
  ): Promise<SentFrame | undefined> => {
    const before = sent.length;
    await handle(frame(operation, resource, content));
    return sent.slice(before).at(-1);
  };
  const rejected = async (reason: string): Promise<number> => {
    const metric = await registry.getSingleMetric("edge_reject_total")?.get();
    return metric?.values.find(({ labels }) => labels["reason"] === reason)?.value ?? 0;
  };
  return {
    client: fake,
    session,
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
