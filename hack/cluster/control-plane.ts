// SPDX-License-Identifier: Apache-2.0
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createKubectl } from "./kubectl.ts";
import { kubeconfigOf } from "./kubeconfig.ts";
import type { Layout } from "./layout.ts";
import { createAuthority, createServiceAccountKeys, type Authority, type CertFiles } from "./pki.ts";
import type { Ports } from "./ports.ts";
import { answersOk, waitForApi } from "./probes.ts";
import { startProcess, waitReady } from "./processes.ts";
import type { Say } from "../steps.ts";
import { waitFor } from "../wait.ts";

export interface ControlPlaneOptions {
  /** Folder of etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl. */
  readonly bin: string;
  /** After how long without a Lease renewal a node is NotReady; Kubernetes' own default is 50 s. */
  readonly nodeGraceSeconds: number;
}

const READY_MS = 90_000;
const CLUSTER_IPS = "10.96.0.0/16";
/** Whom API servers behind this one believe what they say about the user. */
const FRONT_PROXY = "front-proxy-client";
/** Whom the hub's stream port answers everything, and whom metrics. */
export const KUBELET_CLIENT = "kube-apiserver-kubelet-client";
export const METRICS_SERVER = "metrics-server";

interface Pki {
  readonly authority: Authority;
  readonly etcd: CertFiles;
  readonly apiserver: CertFiles;
  /** What the API server shows a kubelet: here the hub's stream port. */
  readonly kubelet: CertFiles;
  readonly frontProxy: { readonly authority: Authority; readonly client: CertFiles };
  readonly admin: CertFiles;
  readonly manager: CertFiles;
  readonly scheduler: CertFiles;
  readonly tokens: { readonly key: string; readonly pub: string };
}

/**
 * Starts etcd, kube-apiserver, kube-controller-manager and kube-scheduler on loopback, each with
 * certificates of a CA made for it, and writes the administrator's kubeconfig.
 */
export async function startControlPlane(
  layout: Layout,
  ports: Ports,
  options: ControlPlaneOptions,
  say: Say,
): Promise<void> {
  const pki = await makePki(layout);
  const apiPort = await ports.take(layout.firstPort);
  const etcdPort = await ports.take(layout.firstPort + 1);
  const url = `https://127.0.0.1:${apiPort}`;
  // What kubectl remembers of an earlier cluster at this address would hide our kinds for hours.
  rmSync(join(homedir(), ".kube/cache/discovery", `127.0.0.1_${apiPort}`), { recursive: true, force: true });
  const kubeconfig = (name: string, files: CertFiles): string =>
    writeKubeconfig(layout, name, { url, ca: pki.authority.files.cert, files });
  writeFileSync(layout.kubeconfig, readFileSync(kubeconfig("admin", pki.admin)), { mode: 0o600 });

  const command = (name: string): string => join(options.bin, name);
  const etcdArgs = etcd(layout, pki, etcdPort, await ports.take(layout.firstPort + 2));
  startProcess(layout, { name: "etcd", command: command("etcd"), args: etcdArgs });
  const server = startProcess(layout, {
    name: "kube-apiserver",
    command: command("kube-apiserver"),
    args: apiserver(pki, apiPort, etcdPort),
  });
  say(`etcd and kube-apiserver started at ${url}`);
  await waitForApi(layout, server);

  const managers = [
    {
      name: "kube-controller-manager",
      args: controllerManager(
        pki,
        kubeconfig("kube-controller-manager", pki.manager),
        options.nodeGraceSeconds,
      ),
      port: await ports.take(layout.firstPort + 3),
    },
    {
      name: "kube-scheduler",
      args: scheduler(pki, kubeconfig("kube-scheduler", pki.scheduler)),
      port: await ports.take(layout.firstPort + 4),
    },
  ];
  const started = managers.map(({ name, args, port }) => {
    const record = startProcess(layout, {
      name,
      command: command(name),
      args: [...args, `--secure-port=${port}`],
    });
    return waitReady(layout, record, READY_MS, () =>
      answersOk(`https://127.0.0.1:${port}/healthz`, pki.authority.files.cert),
    );
  });
  await Promise.all(started);
  await waitForDefaults(layout, command("kubectl"));
}

/** A pod can be made only when its namespace has the default service account. */
async function waitForDefaults(layout: Layout, command: string): Promise<void> {
  const kubectl = createKubectl({ command, kubeconfig: layout.kubeconfig });
  await waitFor(
    async () => (await kubectl.tryRun("-n", "default", "get", "serviceaccount", "default")).code === 0,
    {
      what: "the default service account",
      timeoutMs: 30_000,
      advice: `the log of kube-controller-manager in ${layout.logs}`,
    },
  );
}

async function makePki(layout: Layout): Promise<Pki> {
  const authority = await createAuthority(layout.pki);
  const frontProxy = await createAuthority(layout.pki, "front-proxy-ca");
  const loopback = ["127.0.0.1", "localhost"];
  const names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1"];
  const client = (name: string, commonName: string, organization?: string): Promise<CertFiles> =>
    authority.issue({ name, commonName, ...(organization === undefined ? {} : { organization }) });
  const metricsNames = [...loopback, `${METRICS_SERVER}.kube-system.svc`];
  const [etcd, apiserver, kubelet, admin, manager, scheduler] = await Promise.all([
    authority.issue({ name: "etcd", commonName: "etcd", hosts: loopback }),
    authority.issue({ name: "apiserver", commonName: "kube-apiserver", hosts: [...loopback, ...names] }),
    client("apiserver-kubelet", KUBELET_CLIENT, "system:masters"),
    client("admin", "admin", "system:masters"),
    authority.issue({ name: "manager", commonName: "system:kube-controller-manager", hosts: loopback }),
    authority.issue({ name: "scheduler", commonName: "system:kube-scheduler", hosts: loopback }),
    authority.issue({ name: METRICS_SERVER, commonName: METRICS_SERVER, hosts: metricsNames }),
  ]);
  return {
    authority,
    etcd,
    apiserver,
    kubelet,
    frontProxy: {
      authority: frontProxy,
      client: await frontProxy.issue({ name: FRONT_PROXY, commonName: FRONT_PROXY }),
    },
    admin,
    manager,
    scheduler,
    tokens: createServiceAccountKeys(layout.pki),
  };
}

/** Without fsync: a power cut may lose this cluster, which costs one `make up`. */
function etcd(layout: Layout, pki: Pki, port: number, peerPort: number): string[] {
  const ca = pki.authority.files.cert;
  return [
    `--data-dir=${join(layout.dir, "etcd")}`,
    "--unsafe-no-fsync",
    `--listen-client-urls=https://127.0.0.1:${port}`,
    `--advertise-client-urls=https://127.0.0.1:${port}`,
    `--listen-peer-urls=https://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=https://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=https://127.0.0.1:${peerPort}`,
    ...[`--cert-file=${pki.etcd.cert}`, `--key-file=${pki.etcd.key}`],
    ...["--client-cert-auth", `--trusted-ca-file=${ca}`],
    ...[`--peer-cert-file=${pki.etcd.cert}`, `--peer-key-file=${pki.etcd.key}`],
    ...["--peer-client-cert-auth", `--peer-trusted-ca-file=${ca}`],
    "--log-level=warn",
  ];
}

const apiserver = (pki: Pki, port: number, etcdPort: number): string[] => [
  "--bind-address=127.0.0.1",
  "--advertise-address=127.0.0.1",
  `--secure-port=${port}`,
  `--etcd-servers=https://127.0.0.1:${etcdPort}`,
  `--etcd-cafile=${pki.authority.files.cert}`,
  `--etcd-certfile=${pki.etcd.cert}`,
  `--etcd-keyfile=${pki.etcd.key}`,
  `--client-ca-file=${pki.authority.files.cert}`,
  `--tls-cert-file=${pki.apiserver.cert}`,
  `--tls-private-key-file=${pki.apiserver.key}`,
  `--kubelet-client-certificate=${pki.kubelet.cert}`,
  `--kubelet-client-key=${pki.kubelet.key}`,
  "--kubelet-preferred-address-types=InternalIP",
  "--authorization-mode=Node,RBAC",
  "--endpoint-reconciler-type=none",
  `--service-cluster-ip-range=${CLUSTER_IPS}`,
  "--service-account-issuer=https://kubernetes.default.svc",
  `--service-account-key-file=${pki.tokens.pub}`,
  `--service-account-signing-key-file=${pki.tokens.key}`,
  "--allow-privileged",
  ...aggregation(pki),
];

/** Without a kube-proxy, an API server behind this one is reached at its endpoints. */
const aggregation = ({ frontProxy }: Pki): string[] => [
  "--enable-aggregator-routing",
  `--requestheader-client-ca-file=${frontProxy.authority.files.cert}`,
  `--requestheader-allowed-names=${FRONT_PROXY}`,
  "--requestheader-username-headers=X-Remote-User",
  "--requestheader-group-headers=X-Remote-Group",
  "--requestheader-extra-headers-prefix=X-Remote-Extra-",
  `--proxy-client-cert-file=${frontProxy.client.cert}`,
  `--proxy-client-key-file=${frontProxy.client.key}`,
];

const controllerManager = (pki: Pki, kubeconfig: string, nodeGraceSeconds: number): string[] => [
  "--bind-address=127.0.0.1",
  ...[
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
  ],
  `--tls-cert-file=${pki.manager.cert}`,
  `--tls-private-key-file=${pki.manager.key}`,
  "--leader-elect=false",
  "--use-service-account-credentials",
  `--service-account-private-key-file=${pki.tokens.key}`,
  `--root-ca-file=${pki.authority.files.cert}`,
  `--cluster-signing-cert-file=${pki.authority.files.cert}`,
  `--cluster-signing-key-file=${pki.authority.files.key}`,
  `--service-cluster-ip-range=${CLUSTER_IPS}`,
  `--node-monitor-grace-period=${nodeGraceSeconds}s`,
  "--node-monitor-period=1s",
];

const scheduler = (pki: Pki, kubeconfig: string): string[] => [
  "--bind-address=127.0.0.1",
  ...[
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
  ],
  `--tls-cert-file=${pki.scheduler.cert}`,
  `--tls-private-key-file=${pki.scheduler.key}`,
  "--leader-elect=false",
];

function writeKubeconfig(
  layout: Layout,
  name: string,
  from: { url: string; ca: string; files: CertFiles },
): string {
  const path = join(layout.dir, `${name}.kubeconfig`);
  const pem = (file: string): string => readFileSync(file, "utf8");
  const text = kubeconfigOf({
    url: from.url,
    ca: pem(from.ca),
    user: { name, clientCert: pem(from.files.cert), clientKey: pem(from.files.key) },
  });
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}
