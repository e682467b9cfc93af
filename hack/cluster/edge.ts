// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { waitFor } from "../wait.ts";
import { NAMESPACE } from "./cloud.ts";
import { containerdSocket } from "./containerd.ts";
import { PAUSE_IMAGE } from "./images.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Layout } from "./layout.ts";
import { conditionOf, type NodeObject, type SecretObject } from "./objects.ts";
import { startProcess } from "./processes.ts";

export interface EdgeOptions {
  readonly node: string;
  /** host:port of the tunnel: the hub's, or that of a link in between. */
  readonly tunnel: string;
  /** host:port of the hub's join listener. */
  readonly join: string;
  /** Name of the process, and of its folder; "agent" unless it is another one. */
  readonly name?: string;
  /** Its launcher stays and starts it again when it ends, as systemd does elsewhere. */
  readonly stays?: boolean;
  /** host:port where it takes the confirmation of an upgrade; absent: nowhere. */
  readonly localApi?: string;
  /** PEM of the registries that it takes upgrades from. */
  readonly registryCaFile?: string;
  /** Socket of its container runtime; one that is not there makes a node for devices alone, never Ready. */
  readonly runtimeSocket?: string;
}

const AGENT = "agent";

/**
 * As in config/agent/longshore-agent.service; as options of the program, for the agent refuses NODE_OPTIONS. The last two
 * save 7 MB: what Node unpacks of itself, and memory that each of V8's four threads keeps of what it compiled.
 */
export const SMALL_HEAP = [
  "--optimize-for-size",
  "--max-semi-space-size=1",
  "--no-node-snapshot",
  "--v8-pool-size=1",
];

/** Files of the agent: everything that KubeEdge would keep in /etc and /var/lib. */
export const agentDir = (layout: Layout, name: string = AGENT): string => join(layout.dir, name);

/** Slots of the agent, and the trial of an upgrade. */
export const slotsDir = (layout: Layout, name: string = AGENT): string =>
  join(agentDir(layout, name), "agent");

/** Where mappers register: in the short folder, for a socket's path has 107 bytes at most. */
export const dmiSocket = (layout: Layout, name: string = AGENT): string =>
  join(layout.sockets, name === AGENT ? "dmi.sock" : `${name}-dmi.sock`);

/** Starts the edge agent by its launcher, with a join token from the cluster; its first slot is what was bundled. */
export async function startAgent(layout: Layout, kubectl: Kubectl, options: EdgeOptions): Promise<void> {
  const { name = AGENT } = options;
  const dir = agentDir(layout, name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const token = await joinToken(kubectl);
  writeFileSync(join(dir, "token"), token, { mode: 0o600 });
  const config = join(dir, "edgecore.yaml");
  writeFileSync(config, stringify(agentConfig(layout, options)), { mode: 0o600 });
  const slots = slotsDir(layout, name);
  rmSync(slots, { recursive: true, force: true });
  startProcess(layout, {
    name,
    command: process.execPath,
    args: [
      ...[join(layout.root, "dist/longshore-launcher.js"), ...(options.stays === true ? ["--stay"] : [])],
      ...["--agent-dir", slots, "--seed", join(layout.root, "dist"), "--config", config, "--", ...SMALL_HEAP],
    ],
  });
}

/** The token that the hub's join endpoint asks for. */
export const joinToken = (kubectl: Kubectl): Promise<string> =>
  waitFor(
    async () => {
      const secret = await kubectl.find<SecretObject>("secret", "-n", NAMESPACE, "tokensecret");
      const data = secret?.data?.["tokendata"];
      return data === undefined ? undefined : Buffer.from(data, "base64").toString();
    },
    {
      what: `the join token in secret ${NAMESPACE}/tokensecret`,
      timeoutMs: 30_000,
      advice: "the hub makes it: see its log",
    },
  );

const agentConfig = (layout: Layout, { node, tunnel, join: joinAddress, ...options }: EdgeOptions) => {
  const { name = AGENT, runtimeSocket = containerdSocket(layout), localApi, registryCaFile } = options;
  const dir = agentDir(layout, name);
  return {
    apiVersion: "edgecore.config.kubeedge.io/v1alpha2",
    kind: "EdgeCore",
    database: { dataSource: join(dir, "edgecore.db") },
    modules: {
      edgeHub: {
        httpServer: `https://${joinAddress}`,
        websocket: { server: tunnel },
        tlsCaFile: join(dir, "rootCA.crt"),
        tlsCertFile: join(dir, "server.crt"),
        tlsPrivateKeyFile: join(dir, "server.key"),
      },
      ...(localApi === undefined ? {} : { metaManager: { metaServer: { enable: true, server: localApi } } }),
      deviceTwin: { enable: true, dmiSockPath: dmiSocket(layout, name) },
      edged: {
        hostnameOverride: node,
        podSandboxImage: PAUSE_IMAGE,
        reportEvent: true,
        rootDirectory: join(dir, "kubelet"),
        tailoredKubeletConfig: {
          containerRuntimeEndpoint: `unix://${runtimeSocket}`,
          cgroupDriver: "cgroupfs",
          nodeStatusUpdateFrequency: "5s",
        },
      },
    },
    longshore: {
      dataDir: dir,
      identityFile: join(dir, "identity.json"),
      tokenFile: join(dir, "token"),
      podLogsDir: join(dir, "pod-logs"),
      cgroupParent: layout.cgroupParent,
      backupDir: join(dir, "backup"),
      ...(registryCaFile === undefined ? {} : { upgrade: { caFile: registryCaFile } }),
    },
  };
};

/** Waits until the API server says that the node is Ready. */
export async function waitNodeReady(kubectl: Kubectl, node: string, timeoutMs = 120_000): Promise<void> {
  await waitFor(
    async () => {
      const object = await kubectl.find<NodeObject>("node", node);
      if (!object) throw new Error("it has not registered");
      const ready = conditionOf(object, "Ready");
      if (ready?.status === "True") return true;
      throw new Error(
        ready === undefined ? "no Ready condition yet" : `${ready.reason ?? ""}: ${ready.message ?? ""}`,
      );
    },
    {
      what: `node ${node} to be Ready`,
      timeoutMs,
      intervalMs: 250,
      advice: "the logs of agent and hub in .run/logs",
    },
  );
}
