// SPDX-License-Identifier: Apache-2.0
import { connect } from "node:net";
import { join } from "node:path";
import { dmiSocket } from "./edge.ts";
import type { Layout } from "./layout.ts";
import { startProcess, waitReady, type ProcessRecord } from "./processes.ts";

const READY_MS = 60_000;
/** As docs/mappers.md tells it: no compiled code, for a mapper does little and has long to do it. */
const SMALL = ["--lite-mode", "--max-semi-space-size=1", "--no-node-snapshot"];

/** A mapper of ours beside an agent. */
export interface MapperOptions {
  /** Name of the process, and of its socket. */
  readonly name: string;
  /** A program of `dist/`. */
  readonly program: string;
  /** Name of the agent's process; "agent" unless it is another one. */
  readonly agent?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const mapperSocket = (layout: Layout, name: string): string => join(layout.sockets, `${name}.sock`);

/** Starts the virtual thermometer beside the agent, and waits until it serves its socket. */
export const startMapper = (layout: Layout): Promise<void> =>
  startMapperProgram(layout, { name: "mapper", program: "thermometer", args: ["--http="] });

/** Starts a mapper and waits until it serves its socket. */
export async function startMapperProgram(layout: Layout, options: MapperOptions): Promise<void> {
  const { name, program, agent, args = [], env = {} } = options;
  const record = startProcess(layout, {
    name,
    command: process.execPath,
    args: [
      ...SMALL,
      join(layout.root, `dist/${program}.js`),
      ...["--dmi-socket", dmiSocket(layout, agent)],
      ...["--socket", mapperSocket(layout, name)],
      ...args,
    ],
    env,
  });
  await waitForMapper(layout, record);
}

export const waitForMapper = (layout: Layout, record: ProcessRecord): Promise<void> =>
  waitReady(layout, record, READY_MS, () => accepts(mapperSocket(layout, record.name)));

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
