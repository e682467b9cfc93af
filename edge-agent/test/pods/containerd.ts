// SPDX-License-Identifier: Apache-2.0
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  openSync,
  readdirSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A containerd of the test's own: nothing of the host's is read or touched. */
export interface OwnContainerd {
  readonly endpoint: string;
  readonly dir: string;
  readonly subnet: string;
  ctr(...args: string[]): Promise<string>;
  /** kill -9 of the daemon alone; containers run on. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

function configToml(dir: string): string {
  return `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "${dir}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:3.9"
  restrict_oom_score_adj = true
  max_container_log_line_size = 16384
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${dir}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}

function cniConf(dir: string, bridge: string, subnet: string): string {
  return JSON.stringify({
    cniVersion: "0.4.0",
    name: bridge,
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: true,
        ipMasq: false,
        ipam: { type: "host-local", dataDir: `${dir}/ipam`, ranges: [[{ subnet }]] },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "loopback" },
    ].slice(0, 2),
  });
}

const sha = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** An image archive as `docker save` writes it: one layer with busybox and links for its programs. */
export function imageArchive(dir: string, name: string, command: readonly string[]): string {
  const work = mkdtempSync(join(dir, "image-"));
  const root = join(work, "root");
  for (const sub of ["bin", "etc", "tmp", "proc", "sys", "dev", "var"])
    mkdirSync(join(root, sub), { recursive: true });
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((p) => existsSync(p));
  if (!busybox) throw new Error("busybox-static is not installed");
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const tool of [
    "sh",
    "sleep",
    "cat",
    "echo",
    "ls",
    "touch",
    "env",
    "hostname",
    "id",
    "ip",
    "httpd",
    "true",
    "false",
    "wget",
    "stat",
  ]) {
    symlinkSync("busybox", join(root, "bin", tool));
  }
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  execFileSync("tar", ["-C", root, "-cf", join(work, "layer.tar"), "."]);
  const diffId = sha(readFileSync(join(work, "layer.tar")));
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Env: ["PATH=/bin"], Cmd: command },
      rootfs: { type: "layers", diff_ids: [`sha256:${diffId}`] },
      history: [{ created: "2026-01-01T00:00:00Z", created_by: "test" }],
    }),
  );
  const configName = `${sha(config)}.json`;
  writeFileSync(join(work, configName), config);
  writeFileSync(
    join(work, "manifest.json"),
    JSON.stringify([{ Config: configName, RepoTags: [name], Layers: ["layer.tar"] }]),
  );
  const archive = join(dir, `${name.replace(/[/:]/g, "_")}.tar`);
  execFileSync("tar", ["-C", work, "-cf", archive, "manifest.json", configName, "layer.tar"]);
  rmSync(work, { recursive: true });
  return archive;
}

async function until(what: string, timeoutMs: number, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await check().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error(`${what} within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function mountsBelow(dir: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.startsWith(`${dir}/`));
}

/** Ends what the shims of this containerd alone left behind, found by the state folder in their arguments. */
function endShims(dir: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (args.includes("containerd-shim") && args.includes(`${dir}/c.sock`))
        process.kill(Number(pid), "SIGKILL");
    } catch {
      // it ended by itself
    }
  }
}

export async function startContainerd(): Promise<OwnContainerd> {
  const dir = mkdtempSync("/tmp/lsc-");
  const id = randomBytes(1)[0] ?? 0;
  const subnet = `10.89.${id}.0/24`;
  const bridge = `lsc${dir.slice(-6)}`;
  mkdirSync(join(dir, "cni"));
  writeFileSync(join(dir, "config.toml"), configToml(dir));
  writeFileSync(join(dir, "cni/10-bridge.conflist"), cniConf(dir, bridge, subnet));
  const address = join(dir, "c.sock");
  let child: ChildProcess | undefined;
  const ctr = async (...args: string[]): Promise<string> => {
    const { stdout } = await run("ctr", ["-a", address, "-n", "k8s.io", ...args], {
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  };
  const start = async (): Promise<void> => {
    const log = openSync(join(dir, "containerd.log"), "a");
    child = spawn("containerd", ["-c", join(dir, "config.toml")], { stdio: ["ignore", log, log] });
    await until("containerd answers", 20_000, async () => (await ctr("version")).includes("Server"));
  };
  const kill = async (): Promise<void> => {
    const gone = new Promise((resolve) => child?.once("exit", resolve));
    child?.kill("SIGKILL");
    await gone;
  };
  await start();
  for (const [name, command] of [
    ["localhost/pause:3.9", ["/bin/sleep", "2147483647"]],
    ["localhost/busybox:dev", ["/bin/sh"]],
  ] as const) {
    await ctr("images", "import", imageArchive(dir, name, command));
  }
  return {
    endpoint: `unix://${address}`,
    dir,
    subnet,
    ctr,
    kill,
    start,
    stop: async () => {
      await removeAll(ctr);
      await kill();
      endShims(dir);
      for (const path of mountsBelow(dir).reverse()) await run("umount", ["-l", path]).catch(() => undefined);
      await run("ip", ["link", "delete", bridge]).catch(() => undefined);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Ends and removes every task, then deletes the network namespaces through their mounts. */
async function removeAll(ctr: (...args: string[]) => Promise<string>): Promise<void> {
  const tasks = (await ctr("tasks", "ls", "-q").catch(() => "")).split("\n").filter(Boolean);
  await Promise.all(tasks.map((id) => ctr("tasks", "delete", "-f", id).catch(() => undefined)));
}
