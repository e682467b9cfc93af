// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildPrograms } from "../build.ts";
import { Fault } from "../fault.ts";
import type { Steps } from "../steps.ts";
import { applyManifests, configureCloud, startRole, type CloudPorts } from "./cloud.ts";
import { startAgent, waitNodeReady } from "./edge.ts";
import { startInfrastructure } from "./infrastructure.ts";
import { createKubectl, type Kubectl } from "./kubectl.ts";
import { makeFolders, type Layout } from "./layout.ts";
import { startLink } from "./link.ts";
import { startMapper } from "./mapper.ts";
import { createPorts } from "./ports.ts";
import { recordedProcesses } from "./processes.ts";
import { writeState, type EnvironmentState } from "./state.ts";
import { sweep } from "./sweep.ts";
import { startWebhooks } from "./webhooks.ts";

export interface EnvironmentOptions {
  /** Folder with kubectl, and with the control plane unless `kubeconfig` is given. */
  readonly bin: string;
  /** A cluster that is there already; nothing of a control plane is started then. */
  readonly kubeconfig?: string | undefined;
  readonly nodeGraceSeconds: number;
  /** First choice of the hub's ports. */
  readonly hubPorts: CloudPorts;
  /** Puts a link with faults between agent and hub. */
  readonly withLink?: boolean;
  /** Runs the virtual thermometer beside the agent. */
  readonly withMapper?: boolean;
}

export const NODE = "edge-node";

/** Brings up everything: cluster, Redis, containerd, controllers, hub, and an edge node that is Ready. */
export async function startEnvironment(
  layout: Layout,
  steps: Steps,
  options: EnvironmentOptions,
): Promise<EnvironmentState> {
  if (existsSync(layout.sockets) || recordedProcesses(layout).length > 0) {
    await steps.run("Remove what ran before", () => sweep(layout));
  }
  makeFolders(layout);
  const built = buildPrograms(["operators", "webhooks", "edge-agent", "thermometer"]);
  built.catch(() => undefined); // awaited below, after what can start meanwhile
  if (options.kubeconfig !== undefined) useCluster(layout, options.kubeconfig);
  const kubectl = linkKubectl(layout, options.bin);
  const ports = createPorts();
  const bin = options.kubeconfig === undefined ? options.bin : undefined;
  await startInfrastructure(layout, ports, steps, { bin, nodeGraceSeconds: options.nodeGraceSeconds });
  await steps.run("Apply CRDs and roles", () => applyManifests(layout, kubectl));
  await steps.run("Bundle the programs", () => built);
  const cloud = await configureCloud(layout, kubectl, ports, options.hubPorts);
  await steps.run("Start the controllers", () => startRole(layout, "controllers"));
  await steps.run(`Start the hub on ports ${cloud.tunnel} and ${cloud.join}`, () => startRole(layout, "hub"));
  // A cluster that is there already may be anywhere: its API server could not call a process of this machine.
  if (options.kubeconfig === undefined)
    await steps.run("Start the webhooks", () => startWebhooks(layout, kubectl, ports));
  const tunnel = options.withLink === true ? await ports.take(layout.firstPort + 10) : cloud.tunnel;
  if (tunnel !== cloud.tunnel) await startLink(layout, tunnel, cloud.tunnel);
  await steps.run("Join an edge node with a token", async (say) => {
    await startAgent(layout, kubectl, {
      node: NODE,
      tunnel: `127.0.0.1:${tunnel}`,
      join: `127.0.0.1:${cloud.join}`,
    });
    say(`waiting for node ${NODE} to be Ready`);
    await waitNodeReady(kubectl, NODE);
  });
  if (options.withMapper === true)
    await steps.run("Start a mapper with a virtual thermometer", () => startMapper(layout));
  const state = { kubectl: join(layout.dir, "bin/kubectl"), node: NODE, cloud };
  writeState(layout, state);
  return state;
}

/** kubectl of the environment's own version, for scripts and for the user's PATH. */
function linkKubectl(layout: Layout, bin: string): Kubectl {
  const dir = join(layout.dir, "bin");
  mkdirSync(dir, { recursive: true });
  const command = join(dir, "kubectl");
  if (!existsSync(command)) symlinkSync(join(bin, "kubectl"), command);
  return createKubectl({ command, kubeconfig: layout.kubeconfig });
}

function useCluster(layout: Layout, kubeconfig: string): void {
  if (!existsSync(kubeconfig))
    throw new Fault(
      "NO_KUBECONFIG",
      `KUBECONFIG=${kubeconfig} does not exist`,
      "unset KUBECONFIG to get a cluster of your own",
    );
  writeFileSync(layout.kubeconfig, readFileSync(kubeconfig), { mode: 0o600 });
}
