// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../exec.ts";
import type { Say } from "../steps.ts";
import { PAUSE_IMAGE, writeImages } from "./images.ts";
import type { Layout } from "./layout.ts";
import { registryHosts } from "./registry.ts";
import { findProcess, startProcess, waitReady, type ProcessRecord } from "./processes.ts";

const READY_MS = 60_000;
const CAP_SYS_RESOURCE = 24n;
const OVERLAYFS_MAGIC = 0x794c7630;
/** Where Debian's containernetworking-plugins puts them. */
export const CNI_BIN = "/usr/lib/cni";

/** CRI endpoint of an environment's own containerd. */
export const containerdSocket = (layout: Layout): string => join(layout.sockets, "containerd.sock");

/** Starts an own containerd: own root, state, socket, network and cgroups, beside any that the host has. */
export async function startContainerd(layout: Layout, say: Say): Promise<void> {
  const cni = join(layout.dir, "cni");
  mkdirSync(join(cni, "net.d"), { recursive: true });
  writeFileSync(join(cni, "net.d/10-longshore.conflist"), JSON.stringify(cniConfig(layout), null, 2));
  const config = join(layout.dir, "containerd.toml");
  writeFileSync(config, containerdConfig(layout));
  const record = startProcess(layout, {
    name: "containerd",
    command: "containerd",
    args: ["--config", config],
  });
  await waitForContainerd(layout, record);
  say("making and importing the images");
  const images = join(layout.dir, "images.tar");
  await writeImages(images);
  await ctr(layout, "images", "import", images);
}

export function waitForContainerd(
  layout: Layout,
  record: ProcessRecord | undefined = findProcess(layout, "containerd"),
): Promise<void> {
  if (!record) return Promise.reject(new Error("containerd was not started"));
  return waitReady(layout, record, READY_MS, async () => {
    const plugins = await ctr(layout, "plugins", "ls");
    return /io\.containerd\.grpc\.v1\s+cri\s.*\sok/.test(plugins);
  });
}

/** Calls ctr in the namespace of CRI. */
export const ctr = async (layout: Layout, ...args: string[]): Promise<string> =>
  (
    await exec("ctr", ["--address", containerdSocket(layout), "--namespace", "k8s.io", ...args], {
      timeoutMs: 60_000,
    })
  ).stdout;

/** Containers that have a task now, sandboxes included. */
export async function runningTasks(layout: Layout): Promise<string[]> {
  const lines = (await ctr(layout, "tasks", "ls")).trim().split("\n").slice(1);
  return lines.filter((line) => line.includes("RUNNING")).map((line) => line.split(/\s+/)[0]!);
}

/** No masquerading: nothing is added to the host's firewall, so nothing has to be removed from it. */
const cniConfig = (layout: Layout) => ({
  cniVersion: "0.4.0",
  name: `longshore-${layout.id}`,
  plugins: [
    {
      type: "bridge",
      bridge: layout.bridge,
      isGateway: true,
      ipMasq: false,
      ipam: {
        type: "host-local",
        dataDir: join(layout.dir, "cni/ipam"),
        ranges: [[{ subnet: layout.subnet }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
  ],
});

const containerdConfig = (layout: Layout): string => `version = 2
root = "${join(layout.dir, "containerd")}"
state = "${join(layout.sockets, "containerd")}"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]

[grpc]
  address = "${containerdSocket(layout)}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = ${!mayLowerOomScore()}
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${registryHosts(layout)}"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotterFor(layout.dir)}"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_BIN}"
    conf_dir = "${join(layout.dir, "cni/net.d")}"
`;

/** Without CAP_SYS_RESOURCE no container could start, for its OOM score may not be lowered. */
function mayLowerOomScore(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
}

/** Overlays cannot be stacked on an overlay, as inside a container. */
const snapshotterFor = (dir: string): string =>
  statfsSync(dir).type === OVERLAYFS_MAGIC ? "native" : "overlayfs";
