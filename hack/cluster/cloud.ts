// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { KUBELET_CLIENT, METRICS_SERVER } from "./control-plane.ts";
import { untilEstablished } from "./established.ts";
import { kubeconfigOf } from "./kubeconfig.ts";
import type { Kubectl } from "./kubectl.ts";
import type { KubeconfigView } from "./objects.ts";
import type { Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";
import { answersOk } from "./probes.ts";
import { findProcess, startProcess, waitReady, type ProcessRecord } from "./processes.ts";
import { redisUrl } from "./redis.ts";

export const NAMESPACE = "kubeedge";
/** Processes of the operators. `hub-b` is a second hub, there only where it was wanted. */
export type CloudProcess = "controllers" | "hub" | "hub-b";

/** Ports of one hub. */
export interface HubPorts {
  readonly tunnel: number;
  readonly join: number;
  /** The kubelet API. */
  readonly stream: number;
  /** Stream tunnels of EdgeCores. */
  readonly edgeStream: number;
}

/** First choice of a hub's ports; those of streams are found where none is wished. */
export type WantedPorts = Pick<HubPorts, "tunnel" | "join"> & Partial<HubPorts>;

/** Where API servers find the stream port of a hub. */
export interface Reach {
  /** What hubs listen on for edges, and for API servers and each other. */
  readonly bindAddress: string;
  readonly streamBindAddress: string;
  /** What the Nodes tell. */
  readonly address: string;
  /** Of something in front of the hubs; absent: each hub's own stream port. */
  readonly port?: number;
}

const READY_MS = 60_000;
/** As in the Dockerfile. */
const HEAP = ["--max-semi-space-size=4"];
const TOKEN_LIFE = "8760h";
export const LOOPBACK = "127.0.0.1";

/** Installs the CRDs, the namespace and the roles, the way a user would with `kubectl apply -k`. */
export async function applyManifests(layout: Layout, kubectl: Kubectl): Promise<void> {
  await kubectl.run("apply", "--server-side", "--force-conflicts", "-k", join(layout.root, "config/local"));
  await untilEstablished((args) => kubectl.run(...args));
}

export async function takeHubPorts(layout: Layout, ports: Ports, wanted: WantedPorts): Promise<HubPorts> {
  return {
    tunnel: await ports.take(wanted.tunnel),
    join: await ports.take(wanted.join),
    stream: await ports.take(wanted.stream ?? layout.firstPort + 18),
    edgeStream: await ports.take(wanted.edgeStream ?? layout.firstPort + 19),
  };
}

export async function configureControllers(
  layout: Layout,
  kubectl: Kubectl,
  ports: Ports,
  prometheusPort: number | undefined,
): Promise<void> {
  const port = await ports.take(layout.firstPort + 7);
  const prometheusUrl = prometheusPort === undefined ? "" : `http://${LOOPBACK}:${prometheusPort}`;
  await writeConfig(layout, kubectl, "controllers", {
    controllers: {
      ...{ leaderElect: true, identity: `${hostname()}-${layout.id}` },
      rollouts: { prometheusUrl },
    },
    metrics: { bindAddress: LOOPBACK, controllersPort: port },
    probes: { bindAddress: LOOPBACK, port: await ports.take(layout.firstPort + 8) },
  });
}

export async function configureHub(
  layout: Layout,
  kubectl: Kubectl,
  ports: Ports,
  hub: { readonly name: "hub" | "hub-b"; readonly ports: HubPorts; readonly reach: Reach },
): Promise<void> {
  const { reach } = hub;
  await writeConfig(layout, kubectl, hub.name, {
    hub: {
      id: hub.name === "hub" ? "hub-0" : "hub-1",
      bindAddress: reach.bindAddress,
      tunnelPort: hub.ports.tunnel,
      joinPort: hub.ports.join,
      advertiseAddresses: [...new Set([LOOPBACK, reach.address])],
      dnsNames: ["localhost"],
      stream: {
        port: hub.ports.stream,
        bindAddress: reach.streamBindAddress,
        tunnelPort: hub.ports.edgeStream,
        advertiseAddress: reach.address,
        peerAddress: reach.port === undefined ? "" : reach.streamBindAddress,
        advertisePort: reach.port ?? 0,
        apiServerNames: [KUBELET_CLIENT],
        scraperNames: [METRICS_SERVER],
      },
    },
    metrics: { bindAddress: LOOPBACK, hubPort: await ports.take(layout.firstPort + 6) },
    probes: { bindAddress: LOOPBACK, port: await ports.take(layout.firstPort + 9) },
  });
}

/** Each process has the rights of its role's service account. */
async function writeConfig(
  layout: Layout,
  kubectl: Kubectl,
  name: CloudProcess,
  config: Readonly<Record<string, object>>,
): Promise<void> {
  const account = `longshore-${roleOf(name)}`;
  const text = stringify({
    kubeconfig: await accountKubeconfig(layout, kubectl, { account, namespace: NAMESPACE }),
    namespace: NAMESPACE,
    redis: { url: redisUrl(layout) },
    ...config,
  });
  writeFileSync(configPath(layout, name), text, { mode: 0o600 });
}

const roleOf = (name: CloudProcess): "controllers" | "hub" =>
  name === "controllers" ? "controllers" : "hub";

/** Starts one process of the operators and waits until its probe says that it is ready. */
export async function startCloudProcess(layout: Layout, name: CloudProcess): Promise<void> {
  const record = startProcess(layout, {
    name,
    command: process.execPath,
    args: [
      ...HEAP,
      join(layout.root, "dist/operators.js"),
      `--role=${roleOf(name)}`,
      "--config",
      configPath(layout, name),
    ],
  });
  await waitForCloudProcess(layout, name, record);
}

export function waitForCloudProcess(
  layout: Layout,
  name: CloudProcess,
  record: ProcessRecord | undefined = findProcess(layout, name),
): Promise<void> {
  if (!record) return Promise.reject(new Error(`${name} was not started`));
  const { probes } = readConfig(layout, name);
  return waitReady(layout, record, READY_MS, () => answersOk(`http://127.0.0.1:${probes.port}/readyz`));
}

/** Where the controllers tell their metrics. */
export const controllersMetricsUrl = (layout: Layout): string =>
  `http://${LOOPBACK}:${readConfig(layout, "controllers").metrics.controllersPort}/metrics`;

/** Where a hub tells its metrics. */
export const hubMetricsUrl = (layout: Layout, name: "hub" | "hub-b"): string =>
  `http://127.0.0.1:${readConfig(layout, name).metrics.hubPort}/metrics`;

interface WrittenConfig {
  readonly probes: { readonly port: number };
  readonly metrics: { readonly hubPort: number; readonly controllersPort: number };
}

const readConfig = (layout: Layout, name: CloudProcess): WrittenConfig =>
  parse(readFileSync(configPath(layout, name), "utf8")) as WrittenConfig;

const configPath = (layout: Layout, name: CloudProcess): string => join(layout.dir, `${name}.yaml`);

/** A kubeconfig with a token of a service account: local runs have the same rights as in a cluster. */
export async function accountKubeconfig(
  layout: Layout,
  kubectl: Kubectl,
  { account, namespace }: { readonly account: string; readonly namespace: string },
): Promise<string> {
  const token = await kubectl.run("-n", namespace, "create", "token", account, `--duration=${TOKEN_LIFE}`);
  const view = await kubectl.json<KubeconfigView>("config", "view", "--raw", "--minify");
  const { cluster } = view.clusters[0];
  const inline = cluster["certificate-authority-data"];
  const ca =
    inline === undefined
      ? readFileSync(cluster["certificate-authority"] ?? "", "utf8")
      : Buffer.from(inline, "base64").toString();
  mkdirSync(layout.dir, { recursive: true });
  const path = join(layout.dir, `${account}.kubeconfig`);
  writeFileSync(
    path,
    kubeconfigOf({ url: cluster["server"] ?? "", ca, user: { name: account, token: token.trim() } }),
    { mode: 0o600 },
  );
  return path;
}
