// SPDX-License-Identifier: Apache-2.0
import { connect } from "node:net";
import { join } from "node:path";
import { dmiSocket } from "./edge.ts";
import type { Layout } from "./layout.ts";
import { startProcess, waitReady, type ProcessRecord } from "./processes.ts";

const READY_MS = 30_000;

const mapperSocket = (layout: Layout): string => join(layout.sockets, "thermometer.sock");

/** Starts the virtual thermometer beside the agent, and waits until it serves its socket. */
export async function startMapper(layout: Layout): Promise<void> {
  const record = startProcess(layout, {
    name: "mapper",
    command: process.execPath,
    args: [
      join(layout.root, "dist/thermometer.js"),
      ...["--dmi-socket", dmiSocket(layout)],
      ...["--socket", mapperSocket(layout)],
    ],
  });
  await waitForMapper(layout, record);
}

export const waitForMapper = (layout: Layout, record: ProcessRecord): Promise<void> =>
  waitReady(layout, record, READY_MS, () => accepts(mapperSocket(layout)));

/** Whether somebody listens on a unix socket. */
function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (isThere: boolean) => (): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", done(true));
    socket.once("error", done(false));
  });
}
