// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { accountKubeconfig } from "./cloud.ts";
import { METRICS_SERVER } from "./control-plane.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";
import { answersOk } from "./probes.ts";
import { startProcess, waitReady, type ProcessRecord } from "./processes.ts";

const READY_MS = 60_000;
const NAMESPACE = "kube-system";
/** The least that it takes is ten seconds. */
const RESOLUTION = "15s";

/**
 * Runs metrics-server as a process, with the rights that its own manifest gives it, and has the API server
 * ask it for metrics.k8s.io.
 */
export async function startMetricsServer(
  layout: Layout,
  kubectl: Kubectl,
  ports: Ports,
  command: string,
): Promise<void> {
  const port = await ports.take(layout.firstPort + 22);
  await kubectl.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: rights() }));
  const service = serviceObjects({ address: layout.address, port, ca: readFileSync(caFile(layout)) });
  await kubectl.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: service }));
  const kubeconfig = await accountKubeconfig(layout, kubectl, {
    account: METRICS_SERVER,
    namespace: NAMESPACE,
  });
  const own = {
    cert: join(layout.pki, `${METRICS_SERVER}.crt`),
    key: join(layout.pki, `${METRICS_SERVER}.key`),
  };
  const record = startProcess(layout, {
    name: METRICS_SERVER,
    command,
    args: [
      ...[`--secure-port=${port}`, `--tls-cert-file=${own.cert}`, `--tls-private-key-file=${own.key}`],
      ...["", "authentication-", "authorization-"].map((which) => `--${which}kubeconfig=${kubeconfig}`),
      ...[`--kubelet-client-certificate=${own.cert}`, `--kubelet-client-key=${own.key}`],
      ...["--kubelet-insecure-tls", "--kubelet-use-node-status-port"],
      "--kubelet-preferred-address-types=InternalIP",
      `--metric-resolution=${RESOLUTION}`,
    ],
  });
  await waitForMetricsServer(layout, record);
}

/** Alive is enough: it is ready only when it has read metrics of a node. */
export function waitForMetricsServer(layout: Layout, record: ProcessRecord): Promise<void> {
  const port = record.args.find((arg) => arg.startsWith("--secure-port="))?.split("=")[1] ?? "";
  return waitReady(layout, record, READY_MS, () =>
    answersOk(`https://127.0.0.1:${port}/livez`, caFile(layout)),
  );
}

const caFile = (layout: Layout): string => join(layout.pki, "ca.crt");

const RBAC = "rbac.authorization.k8s.io";
const account = { kind: "ServiceAccount", name: METRICS_SERVER, namespace: NAMESPACE };
const named = (name: string) => ({ name, namespace: NAMESPACE });
const binding = (kind: "ClusterRoleBinding" | "RoleBinding", role: { kind: string; name: string }) => ({
  apiVersion: `${RBAC}/v1`,
  kind,
  metadata: named(`${METRICS_SERVER}-${role.name}`),
  roleRef: { apiGroup: RBAC, ...role },
  subjects: [account],
});
const readsNodes = {
  apiVersion: `${RBAC}/v1`,
  kind: "ClusterRole",
  metadata: { name: `system:${METRICS_SERVER}` },
  rules: [
    { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
    { apiGroups: [""], resources: ["pods", "nodes"], verbs: ["get", "list", "watch"] },
  ],
};

const rights = (): object[] => [
  { apiVersion: "v1", kind: "ServiceAccount", metadata: named(METRICS_SERVER) },
  readsNodes,
  binding("ClusterRoleBinding", { kind: "ClusterRole", name: readsNodes.metadata.name }),
  binding("ClusterRoleBinding", { kind: "ClusterRole", name: "system:auth-delegator" }),
  binding("RoleBinding", { kind: "Role", name: "extension-apiserver-authentication-reader" }),
];

/** A Service without a selector, and its only endpoint: this machine. */
const serviceObjects = (at: { address: string; port: number; ca: Buffer }): object[] => [
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: named(METRICS_SERVER),
    spec: { ports: [{ name: "https", port: 443, protocol: "TCP" }] },
  },
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      ...named(`${METRICS_SERVER}-local`),
      labels: { "kubernetes.io/service-name": METRICS_SERVER },
    },
    addressType: "IPv4",
    ports: [{ name: "https", port: at.port, protocol: "TCP" }],
    endpoints: [{ addresses: [at.address], conditions: { ready: true } }],
  },
  {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1beta1.metrics.k8s.io" },
    spec: {
      service: { ...named(METRICS_SERVER), port: 443 },
      group: "metrics.k8s.io",
      version: "v1beta1",
      caBundle: at.ca.toString("base64"),
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  },
];
