// SPDX-License-Identifier: Apache-2.0
import { rmSync } from "node:fs";
import { join } from "node:path";
import { buildPrograms } from "../build.ts";
import { agentDir, startAgent } from "../cluster/edge.ts";
import { startMapperProgram, type MapperOptions } from "../cluster/mapper.ts";
import type { NodeObject } from "../cluster/objects.ts";
import { findProcess, signalProcess, stopProcess } from "../cluster/processes.ts";
import type { Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";

/** An edge node that has devices and no container runtime: never Ready, so that no pod of other tests goes there. */
export interface DeviceNode {
  readonly node: string;
  /** Starts a mapper of ours beside its agent; it goes with the node. */
  startMapper(options: Omit<MapperOptions, "agent">): Promise<void>;
  /** Ends it, with a signal of its own choosing. */
  stopMapper(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP or SIGCONT. */
  signalMapper(name: string, signal: "SIGSTOP" | "SIGCONT"): void;
  stopAgent(): Promise<void>;
  startAgent(): Promise<void>;
  /** Stops everything and removes the Node. */
  remove(): Promise<void>;
}

const JOIN_MS = 60_000;

/** Joins a second edge node. @param node its name; its processes are named after it */
export async function joinDeviceNode(
  env: Environment,
  node: string,
  programs: readonly string[],
): Promise<DeviceNode> {
  const { layout, kubectl, ports } = env;
  const agent = `agent-${node}`;
  const mappers = new Set<string>();
  await buildPrograms(programs);
  const start = async (): Promise<void> => {
    await startAgent(layout, kubectl, {
      ...{ name: agent, node, tunnel: `127.0.0.1:${ports.tunnel}`, join: `127.0.0.1:${ports.join}` },
      runtimeSocket: join(layout.sockets, `${agent}-no-runtime.sock`),
    });
  };
  const remove = async (): Promise<void> => {
    for (const name of mappers) await stopProcess(layout, name, { forget: true });
    await stopProcess(layout, agent, { forget: true });
    await kubectl.tryRun("delete", "node", node, "--wait=false");
    rmSync(agentDir(layout, agent), { recursive: true, force: true });
  };
  await remove(); // what an earlier run left
  await start();
  await eventually(
    async () => {
      if ((await kubectl.find<NodeObject>("node", node)) === undefined)
        throw new Error(`${node} has not registered`);
    },
    { timeoutMs: JOIN_MS },
  );
  return {
    node,
    startMapper: async (options) => {
      mappers.add(options.name);
      await startMapperProgram(layout, { ...options, agent });
    },
    stopMapper: (name, signal = "SIGTERM") => stopProcess(layout, name, { signal, forget: true }),
    signalMapper: (name, signal) => {
      const record = findProcess(layout, name);
      if (record) signalProcess(record, signal);
    },
    stopAgent: () => stopProcess(layout, agent, { forget: true }),
    startAgent: start,
    remove,
  };
}
