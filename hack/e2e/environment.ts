// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { exec } from "../exec.ts";
import type { HubPorts } from "../cluster/cloud.ts";
import { ctr, runningTasks } from "../cluster/containerd.ts";
import { createKubectl, type Kubectl } from "../cluster/kubectl.ts";
import { E2E_ENVIRONMENTS, layoutOf, type EnvironmentName, type Layout } from "../cluster/layout.ts";
import { openLink, type Link } from "../cluster/link.ts";
import { conditionOf, type NodeObject, type PodObject } from "../cluster/objects.ts";
import { openPart, partsOf, type Part } from "../cluster/parts.ts";
import { isUp, readState } from "../cluster/state.ts";
import { eventually } from "./eventually.ts";

/** A running environment: the end-to-end tests of one worker of jest share it, one file at a time. */
export interface Environment {
  readonly layout: Layout;
  readonly kubectl: Kubectl;
  readonly node: string;
  readonly ports: HubPorts;
  readonly portsB: HubPorts;
  /** The one that the agent connects to. */
  readonly hub: Part;
  /** The one that the API server asks. */
  readonly hubB: Part;
  readonly agent: Part;
  readonly controllers: Part;
  readonly redis: Part;
  readonly containerd: Part;
  readonly mapper: Part;
  readonly apiserver: Part;
  /** The network between agent and hub. */
  readonly link: Link;
  /** The network between API server and the hubs' stream ports: one address for both. */
  readonly front: Link;
  /** A new namespace, for one test. */
  namespace(prefix: string): Promise<string>;
  /** Runs a program in a container of the edge node, known by `containerID` of its status. */
  inContainer(containerId: string, ...command: string[]): Promise<string>;
  /** Whether the runtime runs a container now. */
  runs(containerId: string): Promise<boolean>;
  pod(namespace: string, name: string): Promise<PodObject | undefined>;
  /** Waits until the node's Ready condition has this status. */
  nodeReady(status: "True" | "False" | "Unknown", timeoutMs?: number): Promise<void>;
  /** Removes namespaces made here and waits until their pods are gone. */
  clean(): Promise<void>;
}

const START_MS = 10 * 60_000;
let opened: Environment | undefined;

/** @throws when jest has more workers than there are environments */
function nameHere(): EnvironmentName {
  const worker = Number(process.env["JEST_WORKER_ID"]);
  const name = E2E_ENVIRONMENTS[worker - 1];
  if (name === undefined) throw new Error(`no environment for worker ${worker} of jest`);
  return name;
}

/** For afterAll: removes what the tests of a file made, if it came that far. */
export const cleanEnvironment = async (): Promise<void> => opened?.clean();

/** Opens the environment, starting it if it is not there, and starting again what an earlier test left stopped. */
export async function environment(): Promise<Environment> {
  const name = nameHere();
  const layout = layoutOf(name);
  if (!isUp(layout)) {
    const onLine = (line: string): void => void process.stdout.write(`  ${line}\n`);
    const env = { ...process.env, NODE_OPTIONS: undefined, KUBECONFIG: undefined };
    await exec(process.execPath, [join(import.meta.dirname, "start.ts"), name], {
      env,
      timeoutMs: START_MS,
      onLine,
    });
  }
  const env = (opened ??= open(layout));
  for (const part of partsOf(layout)) {
    part.thaw();
    if (!part.isRunning()) await part.start();
  }
  await env.link.restore();
  await env.front.restore();
  await env.nodeReady("True", 60_000);
  return env;
}

function open(layout: Layout): Environment {
  const state = readState(layout);
  const kubectl = createKubectl({ command: state.kubectl, kubeconfig: layout.kubeconfig });
  const made: string[] = [];
  return {
    layout,
    kubectl,
    node: state.node,
    ports: state.cloud,
    portsB: state.hubB ?? state.cloud,
    hub: openPart(layout, "hub"),
    hubB: openPart(layout, "hub-b"),
    agent: openPart(layout, "agent"),
    controllers: openPart(layout, "controllers"),
    redis: openPart(layout, "redis"),
    containerd: openPart(layout, "containerd"),
    mapper: openPart(layout, "mapper"),
    apiserver: openPart(layout, "kube-apiserver"),
    link: openLink(layout, "link"),
    front: openLink(layout, "front"),
    namespace: async (prefix) => {
      const name = `${prefix}-${randomBytes(3).toString("hex")}`;
      await kubectl.run("create", "namespace", name);
      made.push(name);
      await eventually(() => kubectl.run("-n", name, "get", "serviceaccount", "default"), {
        timeoutMs: 60_000,
      });
      return name;
    },
    inContainer: (containerId, ...command) => {
      const id = `e2e-${randomBytes(4).toString("hex")}`;
      return ctr(layout, "tasks", "exec", "--exec-id", id, bare(containerId), ...command);
    },
    runs: async (containerId) => (await runningTasks(layout)).includes(bare(containerId)),
    pod: (namespace, name) => kubectl.find<PodObject>("pod", "-n", namespace, name),
    nodeReady: (status, timeoutMs = 60_000) =>
      eventually(
        async () => {
          const node = await kubectl.json<NodeObject>("get", "node", state.node);
          const ready = conditionOf(node, "Ready");
          if (ready?.status !== status)
            throw new Error(`Ready is ${ready?.status ?? "not set"}, wanted ${status}`);
        },
        { timeoutMs },
      ),
    clean: async () => {
      const names = made.splice(0);
      if (names.length > 0) await kubectl.run("delete", "namespace", "--timeout=60s", ...names);
    },
  };
}

/** `containerd://<id>` without its scheme. */
const bare = (containerId: string): string => containerId.replace(/^\w+:\/\//, "");
