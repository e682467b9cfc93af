// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exec } from "../exec.ts";
import { Fault } from "../fault.ts";
import { hasAddress, removeAddress } from "./address.ts";
import { containerdSocket } from "./containerd.ts";
import { ENVIRONMENTS, type Layout } from "./layout.ts";
import { recordedProcesses, stopProcess } from "./processes.ts";

const CGROUPS = "/sys/fs/cgroup";
const CNI_RESULTS = "/var/lib/cni/results";
const ROUNDS = 20;

/** Agents first, so that nothing starts containers again; the API server and etcd last. */
const ORDER = [
  "agent",
  "metrics-server",
  "hub",
  "hub-b",
  "controllers",
  "link",
  "front",
  "redis",
  "kube-scheduler",
  "kube-controller-manager",
  "kube-apiserver",
  "etcd",
  "containerd",
];

/**
 * Stops and removes all of an environment, whatever state it is in: recorded processes, containers with
 * their shims, mounts, interface, address, cgroups, sockets, data. Logs stay. It works after a crash or a reboot too.
 *
 * @throws {Fault} NOT_CLEAN naming what could not be removed
 */
export async function sweep(layout: Layout): Promise<void> {
  const recorded = recordedProcesses(layout);
  const known = ORDER.filter((name) => name !== "containerd" && recorded.includes(name));
  const others = recorded.filter((name) => !ORDER.includes(name));
  for (const name of [...others, ...known]) await stopProcess(layout, name, { forget: true });
  await stopProcess(layout, "containerd", { forget: true });
  const shared = [...shimSocketsOf(layout), ...cniResults(layout)];
  for (let round = 0; round < ROUNDS && (await clean(layout)).length > 0; round++) await sleep(100);
  const left = await leftovers(layout);
  if (left.length > 0)
    throw new Fault("NOT_CLEAN", `could not remove:\n  ${left.join("\n  ")}`, "make down, as root");
  for (const path of shared) rmSync(path, { force: true });
  removeFiles(layout);
}

/** One round of removing; returns what is still there. */
async function clean(layout: Layout): Promise<string[]> {
  for (const pid of strayPids(layout)) kill(pid);
  for (const target of mountsOf(layout)) await exec("umount", ["--lazy", target], { tolerant: true });
  if (existsSync(`/sys/class/net/${layout.bridge}`))
    await exec("ip", ["link", "delete", layout.bridge], { tolerant: true });
  await removeAddress(layout);
  for (const dir of cgroupsOf(layout)) tryRemoveDir(dir);
  return leftovers(layout);
}

/** What of an environment is on the machine now, in words: empty after `make down`. */
export function leftovers(layout: Layout): Promise<string[]> {
  return Promise.resolve([
    ...strayPids(layout).map((pid) => `process ${pid}: ${commandLine(pid).join(" ").slice(0, 100)}`),
    ...mountsOf(layout).map((target) => `mount ${target}`),
    ...(existsSync(`/sys/class/net/${layout.bridge}`) ? [`interface ${layout.bridge}`] : []),
    ...(hasAddress(layout) ? [`address ${layout.address}`] : []),
    ...cgroupsOf(layout).map((dir) => `cgroup ${dir}`),
  ]);
}

/** Shims of our containerd, known by its socket's path in their arguments, and everything in our cgroups. */
function strayPids(layout: Layout): number[] {
  const socket = containerdSocket(layout);
  const shims = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const args = commandLine(pid);
      return (
        basename(args[0] ?? "").startsWith("containerd-shim") && args[args.indexOf("-address") + 1] === socket
      );
    });
  const contained = cgroupsOf(layout).flatMap(pidsIn);
  return [...new Set([...contained, ...shims])].filter((pid) => pid !== process.pid);
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it ended meanwhile
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Mount points in our folders, the deepest first. */
function mountsOf(layout: Layout): string[] {
  const below = [layout.dir, layout.sockets].map((dir) => `${dir}/`);
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\040/g, " "))
    .filter((target) => below.some((dir) => target.startsWith(dir)))
    .sort((a, b) => b.length - a.length);
}

/** Our cgroups in every hierarchy (v1: one a controller; v2: the only one), children first. */
function cgroupsOf(layout: Layout): string[] {
  if (!existsSync(CGROUPS)) return [];
  const hierarchies = [CGROUPS, ...readdirSync(CGROUPS).map((name) => join(CGROUPS, name))];
  return hierarchies
    .map((dir) => join(dir, layout.cgroupParent))
    .filter((dir) => existsSync(dir))
    .flatMap(childrenFirst);
}

function childrenFirst(dir: string): string[] {
  try {
    const children = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...children.flatMap(({ name }) => childrenFirst(join(dir, name))), dir];
  } catch {
    return []; // removed meanwhile
  }
}

function pidsIn(cgroup: string): number[] {
  try {
    return readFileSync(join(cgroup, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function tryRemoveDir(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // busy until its last process is reaped: the next round tries again, and leftovers() tells in the end
  }
}

/** Containerd keeps the address of each shim's socket, which lies in a folder that all containerds share. */
function shimSocketsOf(layout: Layout): string[] {
  const tasks = join(layout.sockets, "containerd/io.containerd.runtime.v2.task/k8s.io");
  if (!existsSync(tasks)) return [];
  return readdirSync(tasks)
    .map((id) => join(tasks, id, "address"))
    .filter((path) => existsSync(path))
    .map((path) =>
      readFileSync(path, "utf8")
        .trim()
        .replace(/^unix:\/\//, ""),
    )
    .filter((path) => path.startsWith("/run/containerd/s/"));
}

/** What the network plugins noted in a folder that all runtimes share, by the ids of our sandboxes. */
const cniResults = (layout: Layout): string[] => {
  const root = join(layout.dir, "containerd/io.containerd.grpc.v1.cri/sandboxes");
  if (!existsSync(CNI_RESULTS)) return [];
  const sandboxes = existsSync(root) ? readdirSync(root) : [];
  return readdirSync(CNI_RESULTS)
    .filter((name) => name.startsWith(`longshore-${layout.id}-`) || sandboxes.some((id) => name.includes(id)))
    .map((name) => join(CNI_RESULTS, name));
};

/** All data; not the logs, and not the folders of other environments inside. */
function removeFiles(layout: Layout): void {
  rmSync(layout.sockets, { recursive: true, force: true });
  if (!existsSync(layout.dir)) return;
  const keep: readonly string[] = ["logs", ...ENVIRONMENTS];
  for (const name of readdirSync(layout.dir)) {
    if (!keep.includes(name)) rmSync(join(layout.dir, name), { recursive: true, force: true });
  }
}
