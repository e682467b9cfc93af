// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../hack/free-port.ts";
import { tied } from "../../hack/tied.ts";

export { freePort };

export interface ApiServerUser {
  readonly token: string;
  readonly name: string;
  readonly groups: readonly string[];
}

export interface ApiServerOptions {
  /** More static tokens beside the administrator's. */
  readonly users?: readonly ApiServerUser[];
  /** More flags of kube-apiserver; a repeated flag replaces the default one. */
  readonly flags?: Readonly<Record<string, string>>;
  /** How long to wait until `/readyz` says ok; default 90 s. */
  readonly readyMs?: number;
}

export interface ApiServer {
  readonly url: string;
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly token: string;
  /** PEM that the server's certificate is verified with. */
  readonly ca: string;
  readonly port: number;
  /** Temporary folder; removed by stop(). Logs are in it. */
  readonly dir: string;
  /** Loopback client URL of its etcd. */
  readonly etcdUrl: string;
  /** A kubeconfig for another user of `users`, or for another address (a proxy). */
  writeKubeconfig(name: string, options?: { token?: string; url?: string }): Promise<string>;
  /** SIGKILLs kube-apiserver; etcd and its data stay. */
  kill(): Promise<void>;
  /** Starts kube-apiserver again on the same port and resolves when it is ready. */
  start(): Promise<void>;
  /** SIGTERM, then start(). */
  restart(): Promise<void>;
  /** Ends both processes and removes the folder. */
  stop(): Promise<void>;
}

/** Folder with kube-apiserver and etcd: LONGSHORE_BIN, or the newest one in the cache. */
export async function controlPlaneBin(): Promise<string> {
  const named = process.env["LONGSHORE_BIN"];
  if (named !== undefined && named !== "") return named;
  const cache = join(homedir(), ".cache/longshore/control-plane");
  const names = existsSync(cache) ? await readdir(cache) : [];
  const dated = await Promise.all(
    names
      .map((name) => join(cache, name))
      .filter((path) => existsSync(join(path, "kube-apiserver")))
      .map(async (path) => ({ path, mtimeMs: (await stat(path)).mtimeMs })),
  );
  const newest = dated.sort((a, b) => b.mtimeMs - a.mtimeMs)[0];
  if (newest === undefined) {
    throw new Error(
      `no kube-apiserver in ${cache}: build the control plane with "make up", or set LONGSHORE_BIN`,
    );
  }
  return newest.path;
}

/**
 * Starts a real etcd and kube-apiserver on random loopback ports, without any controller: no garbage
 * collection, no scheduler, namespaces never finish terminating. ServiceAccount admission is off, so that pods
 * can be created in a namespace without accounts.
 */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const bin = await controlPlaneBin();
  const dir = await mkdtemp(join(tmpdir(), "longshore-api-"));
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()];
  const token = randomBytes(16).toString("hex");
  const url = `https://127.0.0.1:${port}`;
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  await writeKeys(dir, [{ token, name: "admin", groups: ["system:masters"] }, ...(options.users ?? [])]);

  const etcd = await launch(dir, join(bin, "etcd"), etcdFlags(dir, etcdUrl, `http://127.0.0.1:${peerPort}`));
  const flags = { ...apiServerFlags(dir, port, etcdUrl), ...options.flags };
  let ca = "";
  let api: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    api = await launch(dir, join(bin, "kube-apiserver"), flags);
    ca = await untilReady({
      dir,
      port,
      token,
      child: api,
      deadlineMs: Date.now() + (options.readyMs ?? 90_000),
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    await endProcess(api, signal);
    api = undefined;
  };
  const stop = async (): Promise<void> => {
    await Promise.all([end("SIGKILL"), endProcess(etcd, "SIGKILL")]);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  const writeKubeconfig: ApiServer["writeKubeconfig"] = async (name, o = {}) => {
    const path = join(dir, `${name}.kubeconfig`);
    await writeFile(path, kubeconfigText({ url: o.url ?? url, ca, token: o.token ?? token }));
    return path;
  };
  return {
    url,
    port,
    token,
    dir,
    etcdUrl,
    ca,
    kubeconfig: await writeKubeconfig("admin"),
    writeKubeconfig,
    start,
    stop,
    kill: () => end("SIGKILL"),
    restart: async () => {
      await end("SIGTERM");
      await start();
    },
  };
}

async function writeKeys(dir: string, users: readonly ApiServerUser[]): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  await writeFile(join(dir, "sa.key"), privateKey, { mode: 0o600 });
  await writeFile(join(dir, "sa.pub"), publicKey);
  const rows = users.map((u) => `${u.token},${u.name},${u.name},"${u.groups.join(",")}"\n`);
  await writeFile(join(dir, "tokens.csv"), rows.join(""), { mode: 0o600 });
}

const etcdFlags = (dir: string, clientUrl: string, peerUrl: string): Record<string, string> => ({
  "data-dir": join(dir, "etcd"),
  "listen-client-urls": clientUrl,
  "advertise-client-urls": clientUrl,
  "listen-peer-urls": peerUrl,
  "initial-advertise-peer-urls": peerUrl,
  "initial-cluster": `default=${peerUrl}`,
  "unsafe-no-fsync": "true",
});

const apiServerFlags = (dir: string, port: number, etcdUrl: string): Record<string, string> => ({
  "etcd-servers": etcdUrl,
  "secure-port": String(port),
  "bind-address": "127.0.0.1",
  "advertise-address": "127.0.0.1",
  "cert-dir": join(dir, "certs"),
  "token-auth-file": join(dir, "tokens.csv"),
  "authorization-mode": "Node,RBAC",
  "enable-admission-plugins": "NodeRestriction",
  "disable-admission-plugins": "ServiceAccount",
  "service-account-issuer": "https://kubernetes.default.svc",
  "service-account-key-file": join(dir, "sa.pub"),
  "service-account-signing-key-file": join(dir, "sa.key"),
  "service-cluster-ip-range": "10.0.0.0/24",
  "endpoint-reconciler-type": "none",
  "allow-privileged": "true",
});

async function launch(dir: string, program: string, flags: Record<string, string>): Promise<ChildProcess> {
  const log = await open(join(dir, `${program.split("/").at(-1) ?? "process"}.log`), "a");
  const args = Object.entries(flags).map(([key, value]) => `--${key}=${value}`);
  const [command, argv] = tied(program, args);
  const child = spawn(command, argv, { stdio: ["ignore", log.fd, log.fd] });
  child.once("error", () => undefined); // shown by untilReady(), which sees no exit code 0
  await log.close();
  return child;
}

function endProcess(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}

async function untilReady(o: {
  dir: string;
  port: number;
  token: string;
  child: ChildProcess;
  deadlineMs: number;
}): Promise<string> {
  for (;;) {
    const ca = await readFile(join(o.dir, "certs/apiserver.crt"), "utf8").catch(() => "");
    if (ca !== "" && (await isReady(o.port, o.token, ca))) return ca;
    if (o.child.exitCode !== null || Date.now() > o.deadlineMs) {
      const log = await readFile(join(o.dir, "kube-apiserver.log"), "utf8").catch(() => "");
      throw new Error(`kube-apiserver did not become ready: ${log.slice(-2000)}`);
    }
    await sleep(100);
  }
}

function isReady(port: number, token: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}` };
    const call = request({
      host: "127.0.0.1",
      port,
      path: "/readyz",
      ca,
      headers,
      timeout: 2000,
      agent: false,
    });
    call.once("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.once("timeout", () => call.destroy());
    call.once("error", () => resolve(false));
    call.end();
  });
}

const kubeconfigText = (o: { url: string; ca: string; token: string }): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "c",
        cluster: { server: o.url, "certificate-authority-data": Buffer.from(o.ca).toString("base64") },
      },
    ],
    users: [{ name: "u", user: { token: o.token } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
