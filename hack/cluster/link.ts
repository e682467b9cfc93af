// SPDX-License-Identifier: Apache-2.0
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { HEALTHY, type LinkState } from "./fault-proxy.ts";
import type { Layout } from "./layout.ts";
import { startProcess, waitReady } from "./processes.ts";

/** The network between agent and hub, with faults that a test sets. */
export interface Link {
  cut(): Promise<void>;
  restore(): Promise<void>;
  set(state: Partial<LinkState>): Promise<void>;
  connections(): Promise<number>;
}

const controlSocket = (layout: Layout): string => join(layout.sockets, "link.sock");

/** Starts a link on `port` towards `targetPort` of loopback. */
export async function startLink(layout: Layout, port: number, targetPort: number): Promise<void> {
  const program = join(import.meta.dirname, "link-process.ts");
  const args = [program, `${port}`, `${targetPort}`, controlSocket(layout)];
  const record = startProcess(layout, { name: "link", command: process.execPath, args });
  await waitReady(layout, record, 10_000, () => call(layout, "GET").then(() => true));
}

export function openLink(layout: Layout): Link {
  const set = async (state: Partial<LinkState>): Promise<void> => {
    await call(layout, "PUT", { ...HEALTHY, ...state });
  };
  return {
    set,
    cut: () => set({ cut: true }),
    restore: () => set({}),
    connections: async () => (await call(layout, "GET")).connections,
  };
}

function call(
  layout: Layout,
  method: "GET" | "PUT",
  state?: LinkState,
): Promise<LinkState & { connections: number }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: controlSocket(layout), method, path: "/", timeout: 2_000 },
      (response) => {
        text(response).then(
          (body) => resolve(JSON.parse(body) as LinkState & { connections: number }),
          reject,
        );
      },
    );
    sent.once("timeout", () => sent.destroy(new Error("the link does not answer")));
    sent.once("error", reject);
    sent.end(state === undefined ? undefined : JSON.stringify(state));
  });
}
