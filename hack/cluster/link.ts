// SPDX-License-Identifier: Apache-2.0
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { HEALTHY, type LinkState } from "./fault-proxy.ts";
import type { Layout } from "./layout.ts";
import { startProcess, waitReady } from "./processes.ts";

/** A piece of network with faults that a test sets: `link` lies between agent and hub, `front` between API server and hubs. */
export interface Link {
  cut(): Promise<void>;
  restore(): Promise<void>;
  set(state: Partial<LinkState>): Promise<void>;
  connections(): Promise<number>;
  /** Bytes that were carried since it was started: up is towards the hubs. */
  bytes(): Promise<Carried>;
}

export interface Carried {
  readonly up: number;
  readonly down: number;
}

export type LinkName = "link" | "front";

const controlSocket = (layout: Layout, name: LinkName): string => join(layout.sockets, `${name}.sock`);

/** Starts one on `port` of `address` towards `targetPort` of loopback. */
export async function startLink(
  layout: Layout,
  name: LinkName,
  {
    address,
    port,
    targetPort,
  }: { readonly address: string; readonly port: number; readonly targetPort: number },
): Promise<void> {
  const socket = controlSocket(layout, name);
  const program = join(import.meta.dirname, "link-process.ts");
  const args = [program, address, `${port}`, `${targetPort}`, socket];
  const record = startProcess(layout, { name, command: process.execPath, args });
  await waitReady(layout, record, 10_000, () => call(socket, "GET").then(() => true));
}

export function openLink(layout: Layout, name: LinkName): Link {
  const socket = controlSocket(layout, name);
  const set = async (state: Partial<LinkState>): Promise<void> => {
    await call(socket, "PUT", { ...HEALTHY, ...state });
  };
  return {
    set,
    cut: () => set({ cut: true }),
    restore: () => set({}),
    connections: async () => (await call(socket, "GET")).connections,
    bytes: async () => (await call(socket, "GET")).bytes,
  };
}

type LinkReport = LinkState & { readonly connections: number; readonly bytes: Carried };

function call(socketPath: string, method: "GET" | "PUT", state?: LinkState): Promise<LinkReport> {
  return new Promise((resolve, reject) => {
    // A connection of its own: one that is kept may be closed at the other end by the time it is used again.
    const options = { socketPath, method, path: "/", timeout: 10_000, agent: false } as const;
    const sent = request(options, (response) => {
      text(response).then((body) => resolve(JSON.parse(body) as LinkReport), reject);
    });
    sent.once("timeout", () => sent.destroy(new Error("the link does not answer")));
    sent.once("error", reject);
    sent.end(state === undefined ? undefined : JSON.stringify(state));
  });
}
