// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import { Registry } from "prom-client";
import { systemClock, type HubClock } from "../../../src/hub/clock.ts";
import { createHub, type Hub, type HubDeps } from "../../../src/hub/hub.ts";
import type { SessionGrants, UplinkHandler, UplinkSession } from "../../../src/hub/uplink/port.ts";
import { Edge, type EdgeOptions } from "./edge.ts";
import { FakeClient } from "./fake-client.ts";
import { MemoryMailbox } from "./memory-mailbox.ts";
import { createTestCa, type Identity, type TestCa } from "./pki.ts";

let ca: Promise<TestCa> | undefined;
const identities = new Map<string, Promise<Identity>>();

/** One CA for a test file; making keys is slow. */
export const testCa = (): Promise<TestCa> => (ca ??= createTestCa());

const edgeIdentity = async (node: string): Promise<Identity> => {
  const authority = await testCa();
  const known = identities.get(node) ?? authority.edge(node);
  identities.set(node, known);
  return known;
};

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export interface Rig {
  readonly hub: Hub;
  readonly mailbox: MemoryMailbox;
  readonly client: FakeClient;
  readonly registry: Registry;
  readonly lines: Line[];
  readonly grants: { sent: string[]; gone: string[] };
  readonly handled: Frame[];
  readonly ca: TestCa;
  edge(node: string, options?: Partial<EdgeOptions>): Promise<Edge>;
  /** Connected, greeted, with our protocol. */
  ours(node: string): Promise<Edge>;
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  stop(): Promise<void>;
}

export interface RigOptions extends Partial<HubDeps> {
  readonly memory?: MemoryMailbox;
  readonly api?: FakeClient;
  readonly clock?: HubClock;
  readonly handle?: (frame: Frame, session: UplinkSession) => Promise<void> | void;
}

export async function createRig(given: RigOptions = {}): Promise<Rig> {
  const { memory: mailbox = new MemoryMailbox(), api: client = new FakeClient(), handle, ...over } = given;
  const authority = await testCa();
  const registry = new Registry();
  const lines: Line[] = [];
  const grants = { sent: [] as string[], gone: [] as string[] };
  const handled: Frame[] = [];
  const edges: Edge[] = [];
  const log = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: fields as Record<string, unknown> });
  const handler: UplinkHandler = {
    types: [
      "node",
      "nodepatch",
      "nodestatus",
      "pod",
      "podpatch",
      "configmap",
      "secret",
      "lease",
      "serviceaccounttoken",
      "event",
    ],
    handle: async (frame, _resource, session) => {
      handled.push(frame);
      await handle?.(frame, session);
    },
  };
  const hub = createHub({
    client: client.asClient(),
    mailbox,
    wakeups: mailbox.wakeups,
    uplinkHandlers: [handler],
    createGrants: () => recordingGrants(grants),
    tls: { ca: authority.cert, ...(await authority.server()) },
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    registry,
    clock: systemClock,
    ...over,
    options: { host: "127.0.0.1", port: 0, drainMs: 0, sweepMs: 20, ...over.options },
  });
  await hub.start();
  const edge = async (node: string, options: Partial<EdgeOptions> = {}): Promise<Edge> => {
    const identity = options.identity ?? (await edgeIdentity(node));
    const made = new Edge({ port: hub.tunnelPort, ca: authority.cert, node, ...options, identity });
    edges.push(made);
    return made;
  };
  return {
    hub,
    mailbox,
    client,
    registry,
    lines,
    grants,
    handled,
    ca: authority,
    edge,
    ours: async (node) => {
      const made = await edge(node, { negotiate: true });
      await made.opened;
      await made.greet();
      return made;
    },
    metric: async (name, labels = {}) => {
      const found = (await registry.getSingleMetric(name)?.get())?.values ?? [];
      const fits = found.filter((v) =>
        Object.entries(labels).every(([key, value]) => v.labels[key] === value),
      );
      return fits.reduce((sum, v) => sum + v.value, 0);
    },
    stop: async () => {
      for (const made of edges) made.ws.terminate();
      await hub.stop();
    },
  };
}

function recordingGrants(log: { sent: string[]; gone: string[] }): SessionGrants {
  return {
    allows: () => Promise.resolve(true),
    pod: () => Promise.resolve(undefined),
    podSent: (pod) => void log.sent.push(pod.metadata.name),
    podGone: (_namespace, name) => void log.gone.push(name),
  };
}

/** Waits until something holds, looking at every turn of the event loop. */
export async function eventually(holds: () => boolean | Promise<boolean>, what = "condition"): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
