// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { kubeconfigOf } from "./kubeconfig.ts";
import type { Kubectl } from "./kubectl.ts";
import type { KubeconfigView } from "./objects.ts";
import type { Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";
import { answersOk } from "./probes.ts";
import { findProcess, startProcess, waitReady, type ProcessRecord } from "./processes.ts";
import { redisUrl } from "./redis.ts";

export const NAMESPACE = "kubeedge";
export type Role = "controllers" | "hub";
export const ROLES: readonly Role[] = ["controllers", "hub"];

export interface CloudPorts {
  readonly tunnel: number;
  readonly join: number;
}

const READY_MS = 60_000;
/** As in the Dockerfile. */
const HEAP = ["--max-semi-space-size=4"];
const TOKEN_LIFE = "8760h";

/** Installs the CRDs, the namespace and the roles, the way a user would with `kubectl apply -k`. */
export async function applyManifests(layout: Layout, kubectl: Kubectl): Promise<void> {
  await kubectl.run("apply", "--server-side", "--force-conflicts", "-k", join(layout.root, "config/local"));
  await kubectl.run("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all");
}

/** Writes the configuration of both roles, each with the rights of its own service account. */
export async function configureCloud(
  layout: Layout,
  kubectl: Kubectl,
  ports: Ports,
  wanted: CloudPorts,
): Promise<CloudPorts> {
  const cloud = { tunnel: await ports.take(wanted.tunnel), join: await ports.take(wanted.join) };
  const metrics = {
    bindAddress: "127.0.0.1",
    hubPort: await ports.take(layout.firstPort + 6),
    controllersPort: await ports.take(layout.firstPort + 7),
  };
  for (const [index, role] of ROLES.entries()) {
    const config = {
      kubeconfig: await accountKubeconfig(layout, kubectl, `longshore-${role}`),
      namespace: NAMESPACE,
      redis: { url: redisUrl(layout) },
      hub: {
        id: "hub-0",
        bindAddress: "127.0.0.1",
        tunnelPort: cloud.tunnel,
        joinPort: cloud.join,
        advertiseAddresses: ["127.0.0.1"],
        dnsNames: ["localhost"],
      },
      controllers: { leaderElect: true, identity: `${hostname()}-${layout.id}` },
      metrics,
      probes: { bindAddress: "127.0.0.1", port: await ports.take(layout.firstPort + 8 + index) },
    };
    writeFileSync(configPath(layout, role), stringify(config), { mode: 0o600 });
  }
  return cloud;
}

/** Starts one role of the operators and waits until its probe says that it is ready. */
export async function startRole(layout: Layout, role: Role): Promise<void> {
  const record = startProcess(layout, {
    name: role,
    command: process.execPath,
    args: [
      ...HEAP,
      join(layout.root, "dist/operators.js"),
      `--role=${role}`,
      "--config",
      configPath(layout, role),
    ],
  });
  await waitForRole(layout, role, record);
}

export function waitForRole(
  layout: Layout,
  role: Role,
  record: ProcessRecord | undefined = findProcess(layout, role),
): Promise<void> {
  if (!record) return Promise.reject(new Error(`${role} was not started`));
  const { probes } = parse(readFileSync(configPath(layout, role), "utf8")) as { probes: { port: number } };
  return waitReady(layout, record, READY_MS, () => answersOk(`http://127.0.0.1:${probes.port}/readyz`));
}

const configPath = (layout: Layout, role: Role): string => join(layout.dir, `${role}.yaml`);

/** A kubeconfig with a token of a service account: local runs have the same rights as in a cluster. */
export async function accountKubeconfig(layout: Layout, kubectl: Kubectl, account: string): Promise<string> {
  const token = await kubectl.run("-n", NAMESPACE, "create", "token", account, `--duration=${TOKEN_LIFE}`);
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
