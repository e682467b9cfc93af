// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../hack/free-port.ts";
import { tied } from "../../hack/tied.ts";

/** A real API server with an empty etcd, and kubectl bound to it. */
export type ApiServer = {
  /** Runs kubectl as administrator; rejects with its stderr. */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  stop(): Promise<void>;
};

const readyMs = 90_000;

/** Folder with etcd, kube-apiserver and kubectl: LONGSHORE_BIN, else the newest one built by `make`. */
export async function binaries(): Promise<string> {
  const named = process.env["LONGSHORE_BIN"];
  if (named !== undefined && named !== "") return named;
  const cache = join(homedir(), ".cache/longshore/control-plane");
  const names = await readdir(cache).catch(() => []);
  const folders = await Promise.all(
    names.map(async (name) => ({ path: join(cache, name), at: (await stat(join(cache, name))).mtimeMs })),
  );
  const newest = folders.sort((a, b) => b.at - a.at)[0];
  if (newest === undefined) throw new Error(`no control plane in ${cache}; build it or set LONGSHORE_BIN`);
  return newest.path;
}

/** Starts etcd and kube-apiserver on free loopback ports and waits until the API is ready. */
export async function startApiServer(): Promise<ApiServer> {
  const bin = await binaries();
  const dir = await mkdtemp(join(tmpdir(), "longshore-crds-"));
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children.reverse()) await end(child);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
    const etcd = `http://127.0.0.1:${etcdPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    children.push(
      await launch(dir, join(bin, "etcd"), [
        ...[`--data-dir=${dir}/etcd`, "--unsafe-no-fsync", `--listen-client-urls=${etcd}`],
        ...[`--advertise-client-urls=${etcd}`, `--listen-peer-urls=${peer}`, "--log-level=error"],
        ...[`--initial-advertise-peer-urls=${peer}`, `--initial-cluster=default=${peer}`],
      ]),
    );
    const token = await writeCredentials(dir, port);
    children.push(
      await launch(dir, join(bin, "kube-apiserver"), [
        ...[
          `--etcd-servers=${etcd}`,
          `--cert-dir=${dir}`,
          `--secure-port=${port}`,
          "--bind-address=127.0.0.1",
        ],
        ...[
          `--token-auth-file=${dir}/tokens`,
          "--authorization-mode=RBAC",
          "--endpoint-reconciler-type=none",
        ],
        ...[`--service-account-key-file=${dir}/sa`, `--service-account-signing-key-file=${dir}/sa`],
        ...["--service-account-issuer=https://localhost", "--service-cluster-ip-range=10.0.0.0/24"],
      ]),
    );
    const kubectl = kubectlOf(bin, join(dir, `kubeconfig-${token.slice(0, 8)}`));
    await untilReady(kubectl, dir);
    return { kubectl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Runs kubectl with `args`; without a kubeconfig for what needs no server, such as kustomize. What it remembers of the
 * server's kinds stays beside the kubeconfig: another test's server had other ones at the same address.
 */
export function kubectlOf(bin: string, kubeconfig: string): ApiServer["kubectl"] {
  return (args, stdin) =>
    new Promise((resolve, reject) => {
      const child = execFile(
        join(bin, "kubectl"),
        [`--kubeconfig=${kubeconfig}`, `--cache-dir=${kubeconfig}.cache`, ...args],
        { maxBuffer: 16 << 20, timeout: 60_000, env: { HOME: tmpdir() } },
        (error, stdout, stderr) => {
          if (error) reject(new Error(`kubectl ${args.join(" ")}: ${stderr}`, { cause: error }));
          else resolve(stdout);
        },
      );
      child.stdin?.end(stdin ?? "");
    });
}

async function writeCredentials(dir: string, port: number): Promise<string> {
  const token = randomBytes(16).toString("hex");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writeFile(join(dir, "sa"), privateKey.export({ type: "sec1", format: "pem" }));
  await writeFile(join(dir, "tokens"), `${token},admin,admin,system:masters\n`);
  const config = {
    clusters: [
      {
        name: "test",
        cluster: {
          server: `https://127.0.0.1:${port}`,
          "certificate-authority": join(dir, "apiserver.crt"),
        },
      },
    ],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    "current-context": "test",
  };
  await writeFile(join(dir, `kubeconfig-${token.slice(0, 8)}`), JSON.stringify(config));
  return token;
}

async function untilReady(kubectl: ApiServer["kubectl"], dir: string): Promise<void> {
  const deadline = performance.now() + readyMs;
  for (;;) {
    try {
      await kubectl(["get", "--raw=/readyz"]);
      await kubectl(["get", "namespace", "default"]);
      return;
    } catch (error) {
      if (performance.now() > deadline) {
        const log = await readFile(join(dir, "kube-apiserver.log"), "utf8");
        throw new Error(`the API server is not ready\n${log.slice(-2000)}`, { cause: error });
      }
      await delay(200);
    }
  }
}

async function launch(dir: string, file: string, args: string[]): Promise<ChildProcess> {
  const log = await open(join(dir, `${file.slice(file.lastIndexOf("/") + 1)}.log`), "a");
  const child = spawn(...tied(file, args), { stdio: ["ignore", log.fd, log.fd] });
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  await log.close();
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await exited;
  clearTimeout(timer);
}
