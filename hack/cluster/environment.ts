// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addAddress } from "./address.ts";
import { buildPrograms } from "../build.ts";
import { Fault } from "../fault.ts";
import type { Steps } from "../steps.ts";
import {
  applyManifests,
  configureControllers,
  configureHub,
  LOOPBACK,
  startCloudProcess,
  takeHubPorts,
  type HubPorts,
  type Reach,
  type WantedPorts,
} from "./cloud.ts";
import { startAgent, waitNodeReady } from "./edge.ts";
import { startInfrastructure } from "./infrastructure.ts";
import { createKubectl, type Kubectl } from "./kubectl.ts";
import { makeFolders, type Layout } from "./layout.ts";
import { startLink } from "./link.ts";
import { machineAddress } from "./machine.ts";
import { startMapper } from "./mapper.ts";
import { startMetricsServer } from "./metrics-server.ts";
import { createPorts, type Ports } from "./ports.ts";
import { registryCaFile } from "./registry.ts";
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
  readonly hubPorts: WantedPorts;
  /** Puts a link with faults between agent and hub. */
  readonly withLink?: boolean;
  /** Runs the virtual thermometer beside the agent. */
  readonly withMapper?: boolean;
  /** Runs a second hub, and one address in front of the stream ports of both, which leads to the second at first. */
  readonly withSecondHub?: boolean;
  /** Tells the controllers of a Prometheus; tests start it. */
  readonly withPrometheus?: boolean;
  /** Path of metrics-server, which is run then. */
  readonly metricsServer?: string | undefined;
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
  const built = buildPrograms(["operators", "webhooks", "edge-agent", "longshore-launcher", "thermometer"]);
  built.catch(() => undefined); // awaited below, after what can start meanwhile
  if (options.kubeconfig !== undefined) useCluster(layout, options.kubeconfig);
  const kubectl = linkKubectl(layout, options.bin);
  const ports = createPorts();
  const bin = options.kubeconfig === undefined ? options.bin : undefined;
  await addAddress(layout);
  await startInfrastructure(layout, ports, steps, { bin, nodeGraceSeconds: options.nodeGraceSeconds });
  await steps.run("Apply CRDs and roles", () => applyManifests(layout, kubectl));
  await steps.run("Bundle the programs", () => built);
  const hubs = await startCloud(layout, kubectl, ports, { ...options, steps });
  // A cluster that is there already may be anywhere: its API server could not call a process of this machine.
  if (options.kubeconfig === undefined)
    await steps.run("Start the webhooks", () => startWebhooks(layout, kubectl, ports));
  await startEdge(layout, kubectl, ports, { ...options, steps, hub: hubs.cloud });
  if (options.metricsServer !== undefined) {
    const command = options.metricsServer;
    await steps.run("Start metrics-server", () => startMetricsServer(layout, kubectl, ports, command));
  }
  const state = { kubectl: join(layout.dir, "bin/kubectl"), node: NODE, ...hubs };
  writeState(layout, state);
  return state;
}

/** The hub that edges connect to, and what else was wanted. */
type Hubs = Pick<EnvironmentState, "cloud" | "hubB" | "prometheusPort">;

async function startCloud(
  layout: Layout,
  kubectl: Kubectl,
  ports: Ports,
  { steps, ...options }: EnvironmentOptions & { readonly steps: Steps },
): Promise<Hubs> {
  const hubs = await configureCloud(layout, kubectl, ports, options);
  await steps.run("Start the controllers", () => startCloudProcess(layout, "controllers"));
  const numbers = Object.values(hubs.cloud).join(", ");
  await steps.run(`Start the hub on ports ${numbers}`, () => startCloudProcess(layout, "hub"));
  if (hubs.hubB) await steps.run("Start a second hub", () => startCloudProcess(layout, "hub-b"));
  return hubs;
}

async function startEdge(
  layout: Layout,
  kubectl: Kubectl,
  ports: Ports,
  { steps, hub, ...options }: EnvironmentOptions & { readonly steps: Steps; readonly hub: HubPorts },
): Promise<void> {
  const tunnel = options.withLink === true ? await ports.take(layout.firstPort + 10) : hub.tunnel;
  if (tunnel !== hub.tunnel)
    await startLink(layout, "link", { address: LOOPBACK, port: tunnel, targetPort: hub.tunnel });
  await steps.run("Join an edge node with a token", async (say) => {
    await startAgent(layout, kubectl, {
      node: NODE,
      tunnel: `${LOOPBACK}:${tunnel}`,
      join: `${LOOPBACK}:${hub.join}`,
      registryCaFile: registryCaFile(layout),
    });
    say(`waiting for node ${NODE} to be Ready`);
    await waitNodeReady(kubectl, NODE);
  });
  if (options.withMapper === true)
    await steps.run("Start a mapper with a virtual thermometer", () => startMapper(layout));
}

/** Writes the configurations of controllers and hubs; a second hub comes with one address in front of both. */
async function configureCloud(
  layout: Layout,
  kubectl: Kubectl,
  ports: Ports,
  options: EnvironmentOptions,
): Promise<Hubs> {
  const reach = options.kubeconfig === undefined ? reachHere(layout, options) : reachFromAfar();
  const cloud = await takeHubPorts(layout, ports, options.hubPorts);
  const prometheusPort =
    options.withPrometheus === true ? await ports.take(layout.firstPort + 23) : undefined;
  await configureControllers(layout, kubectl, ports, prometheusPort);
  const asked = prometheusPort === undefined ? {} : { prometheusPort };
  if (options.withSecondHub !== true) {
    await configureHub(layout, kubectl, ports, { name: "hub", ports: cloud, reach });
    return { cloud, ...asked };
  }
  const wanted = { tunnel: layout.firstPort + 20, join: layout.firstPort + 21 };
  const hubB = await takeHubPorts(layout, ports, wanted);
  const front = await ports.take(layout.firstPort + 11);
  const viaFront = { ...reach, port: front };
  await configureHub(layout, kubectl, ports, { name: "hub", ports: cloud, reach: viaFront });
  await configureHub(layout, kubectl, ports, { name: "hub-b", ports: hubB, reach: viaFront });
  await startLink(layout, "front", { address: layout.address, port: front, targetPort: hubB.stream });
  return { cloud, hubB, ...asked };
}

/** The API server proxies to no node at 127.0.0.1: what it calls listens at an address of the environment's own. */
const reachHere = (layout: Layout, { withSecondHub }: EnvironmentOptions): Reach => ({
  bindAddress: LOOPBACK,
  streamBindAddress: withSecondHub === true ? LOOPBACK : layout.address,
  address: layout.address,
});

/** A cluster that is there already cannot call our loopback, so the hub listens where it can be reached. */
function reachFromAfar(): Reach {
  const address = machineAddress();
  if (address === undefined)
    throw new Fault(
      "NO_ADDRESS",
      "this machine has no address that your cluster could reach",
      "unset KUBECONFIG to get a cluster on this machine",
    );
  return { bindAddress: LOOPBACK, streamBindAddress: "0.0.0.0", address };
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
