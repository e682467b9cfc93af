// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { agentDir, slotsDir, startAgent } from "../cluster/edge.ts";
import type { NodeObject } from "../cluster/objects.ts";
import { createPorts } from "../cluster/ports.ts";
import { findProcess, stopProcess } from "../cluster/processes.ts";
import { registryCaFile } from "../cluster/registry.ts";
import type { Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";

/** A real agent with a launcher that stays; it runs no pods, and is connected without ever being Ready. */
export interface JobAgent {
  readonly node: string;
  /** host:port where it takes the confirmation of an upgrade. */
  readonly localApi: string;
  readonly configFile: string;
  readonly slots: string;
  readonly backups: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** What it says its version is, by its Node: `0.0.0`. */
  version(): Promise<string>;
  /** Kills every agent that is started on trial. @returns ends that */
  killOnTrial(): () => Promise<void>;
  remove(): Promise<void>;
}

const JOIN_MS = 60_000;
const FIRST_PORT_OFFSET = 40;

/** Joins one more edge node. @param labels of its Node */
export async function joinJobAgent(
  env: Environment,
  node: string,
  labels: Readonly<Record<string, string>>,
): Promise<JobAgent> {
  const { layout, kubectl, ports } = env;
  const name = `agent-${node}`;
  const localApi = `127.0.0.1:${await createPorts().take(layout.firstPort + FIRST_PORT_OFFSET)}`;
  const start = (): Promise<void> =>
    startAgent(layout, kubectl, {
      ...{ name, node, stays: true, localApi, registryCaFile: registryCaFile(layout) },
      ...{ tunnel: `127.0.0.1:${ports.tunnel}`, join: `127.0.0.1:${ports.join}` },
      runtimeSocket: join(layout.sockets, `${name}-no-runtime.sock`),
    });
  const stop = (): Promise<void> => stopProcess(layout, name, { forget: true });
  const remove = async (): Promise<void> => {
    await stop();
    await kubectl.tryRun("delete", "node", node, "--wait=false");
    rmSync(agentDir(layout, name), { recursive: true, force: true });
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
  const given = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  if (given.length > 0) await kubectl.run("label", "node", node, ...given);
  const dir = agentDir(layout, name);
  return {
    ...{ node, localApi, start, stop, remove, slots: slotsDir(layout, name), backups: join(dir, "backup") },
    configFile: join(dir, "edgecore.yaml"),
    version: () => agentVersionOf(env, node),
    killOnTrial() {
      const over = new AbortController();
      const loop = (async () => {
        while (!over.signal.aborted) {
          if (isTrying(dir)) killChildren(layout, name);
          await sleep(50);
        }
      })();
      return async () => {
        over.abort();
        await loop;
      };
    },
  };
}

const isTrying = (dir: string): boolean => {
  const file = join(dir, "agent/trial.json");
  return existsSync(file) && readFileSync(file, "utf8").includes('"trying"');
};

/** The launcher's alone. */
function killChildren(layout: Environment["layout"], name: string): void {
  const pid = findProcess(layout, name)?.pid ?? 0;
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return;
  for (const child of readFileSync(file, "utf8").trim().split(" "))
    if (Number(child) > 0) process.kill(Number(child), "SIGKILL");
}

/** What stands behind `+longshore.` in a Node's kubeletVersion. */
export async function agentVersionOf({ kubectl }: Environment, node: string): Promise<string> {
  const { status } = await kubectl.json<NodeObject>("get", "node", node);
  return status.nodeInfo?.["kubeletVersion"]?.split("+longshore.")[1] ?? "";
}

/** Version of the agent in the slot that is pointed to. */
export const slotVersion = (slots: string): string =>
  (JSON.parse(readFileSync(join(slots, "current/manifest.json"), "utf8")) as { version: string }).version;
