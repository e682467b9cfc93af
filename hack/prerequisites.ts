// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { exec } from "./exec.ts";
import { Fault } from "./fault.ts";
import type { Say } from "./steps.ts";

/** Something of Debian that the local environment runs on. */
export interface Requirement {
  readonly package: string;
  /** Absolute paths, or program names looked up on the PATH; all must be there. */
  readonly files: readonly string[];
  readonly why: string;
}

export const REQUIREMENTS: readonly Requirement[] = [
  { package: "redis-server", files: ["redis-server"], why: "holds the mailboxes and wake-ups of nodes" },
  {
    package: "containerd",
    files: ["containerd", "ctr", "containerd-shim-runc-v2"],
    why: "runs the pods of the edge node",
  },
  { package: "runc", files: ["runc"], why: "starts each container for containerd" },
  {
    package: "containernetworking-plugins",
    files: ["bridge", "host-local", "loopback"].map((name) => `/usr/lib/cni/${name}`),
    why: "connects pods to a bridge",
  },
  { package: "busybox-static", files: ["/bin/busybox"], why: "becomes the image that tries and tests run" },
  { package: "iproute2", files: ["ip"], why: "removes the bridge again" },
];

const LIBRARIES = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;

/** What tests need beside that: real servers, slaves and cameras to talk to. */
export const TEST_REQUIREMENTS: readonly Requirement[] = [
  ...REQUIREMENTS,
  {
    package: "mosquitto",
    files: ["mosquitto", "mosquitto_passwd"],
    why: "is the MQTT broker that tests publish to",
  },
  {
    package: "mosquitto-clients",
    files: ["mosquitto_pub", "mosquitto_sub"],
    why: "publishes and subscribes as the documentation does",
  },
  {
    package: "mariadb-server",
    files: ["mariadbd", "mariadb-install-db"],
    why: "is the SQL database that tests write to",
  },
  {
    package: "python3-pymodbus",
    files: ["/usr/lib/python3/dist-packages/pymodbus"],
    why: "plays the Modbus slaves of tests",
  },
  {
    package: "python3-serial-asyncio",
    files: ["/usr/lib/python3/dist-packages/serial_asyncio"],
    why: "lets them speak on a serial line",
  },
  { package: "socat", files: ["socat"], why: "makes serial lines of pseudo terminals" },
  { package: "openssl", files: ["openssl"], why: "makes the certificates of tests" },
  { package: "ffmpeg", files: ["ffmpeg", "ffprobe"], why: "saves pictures and video of cameras" },
  {
    package: "python3-gi",
    files: ["/usr/lib/python3/dist-packages/gi"],
    why: "runs the RTSP camera of tests",
  },
  {
    package: "gir1.2-gst-rtsp-server-1.0",
    files: [`${LIBRARIES}/girepository-1.0/GstRtspServer-1.0.typelib`],
    why: "serves RTSP for it",
  },
  {
    package: "gstreamer1.0-plugins-ugly",
    files: [`${LIBRARIES}/gstreamer-1.0/libgstx264.so`],
    why: "encodes its video",
  },
  {
    package: "python3-pip",
    files: ["/usr/lib/python3/dist-packages/pip"],
    why: "installs the OPC UA server of tests",
  },
  {
    package: "docker-registry",
    files: ["docker-registry"],
    why: "is the registry that tests fetch packages and images from",
  },
  { package: "prometheus", files: ["prometheus"], why: "measures what rollouts of tests are checked by" },
];

/** Packages and the service that each would start. */
const SERVICES = new Map([
  ...["redis-server", "containerd", "mosquitto", "prometheus", "docker-registry"].map(
    (name) => [name, name] as const,
  ),
  ["mariadb-server", "mariadb"],
]);
const POLICY = "/usr/sbin/policy-rc.d";

/** Requirements whose files are not all here. */
export function missingOf(
  requirements: readonly Requirement[],
  isThere: (file: string) => boolean = fileIsThere,
): Requirement[] {
  return requirements.filter(({ files }) => !files.every(isThere));
}

/**
 * Installs what is missing with apt-get, without starting any service that comes with it.
 *
 * @throws {Fault} NOT_DEBIAN, NOT_ROOT with the exact command to type, EXEC_FAILED with apt's own words
 */
export async function ensurePrerequisites(
  say: Say,
  requirements: readonly Requirement[] = REQUIREMENTS,
): Promise<void> {
  if (process.platform !== "linux")
    throw new Fault("NOT_LINUX", "containers need Linux", "use a Linux machine or VM");
  const missing = missingOf(requirements);
  for (const { package: name, why } of missing) say(`missing ${name}: it ${why}`);
  const names = missing.map((requirement) => requirement.package);
  if (names.length > 0) await installPackages(names, say);
  const still = missingOf(missing);
  if (still.length > 0) {
    throw new Fault(
      "STILL_MISSING",
      `installed, but not found: ${still.flatMap(({ files }) => files).join(" ")}`,
    );
  }
}

/** Containers, mounts and interfaces need root. */
export function requireRoot(command: string): void {
  if (process.getuid?.() === 0) return;
  throw new Fault(
    "NOT_ROOT",
    `${command} runs containers, so it needs root`,
    `sudo env "PATH=$PATH" ${command}`,
  );
}

/**
 * Go, of a version that can build the control plane.
 *
 * @throws {Fault} NO_GO
 */
export async function ensureGo(): Promise<void> {
  const found = await exec("go", ["env", "GOVERSION"], { tolerant: true }).catch(() => undefined);
  const [major = 0, minor = 0] = (/go(\d+)\.(\d+)/.exec(found?.stdout ?? "") ?? []).slice(1).map(Number);
  if (major > 1 || (major === 1 && minor >= 24)) return;
  const have = found === undefined ? "there is none" : `this is ${found.stdout.trim()}`;
  throw new Fault(
    "NO_GO",
    `Go 1.24 or newer is needed to build the control plane: ${have}`,
    "https://go.dev/doc/install, or set KUBECONFIG to a cluster of yours",
  );
}

async function installPackages(names: readonly string[], say: Say): Promise<void> {
  const install = ["install", "--yes", "--no-install-recommends", ...names];
  if (!fileIsThere("apt-get"))
    throw new Fault(
      "NOT_DEBIAN",
      `install these yourself: ${names.join(" ")}`,
      "see the table in hack/prerequisites.ts",
    );
  if (process.getuid?.() !== 0) {
    throw new Fault(
      "NOT_ROOT",
      "installing packages needs root",
      `sudo apt-get update && sudo apt-get ${install.join(" ")}`,
    );
  }
  if (!hasPackageLists()) await aptGet(["update"], say);
  say(`apt-get ${install.join(" ")}`);
  await withoutServices(async () => {
    const first = await aptGet(install, say, true);
    if (first === 0) return;
    say("that failed; trying again with fresh package lists");
    await aptGet(["update"], say);
    await aptGet(install, say);
  });
  await disableServices(names.flatMap((name) => SERVICES.get(name) ?? []));
}

async function aptGet(args: readonly string[], say: Say, tolerant = false): Promise<number> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const onLine = (line: string): void => {
    if (/^(Get:|Setting up)/.test(line)) say(line);
  };
  return (await exec("apt-get", args, { env, tolerant, onLine, timeoutMs: 15 * 60_000 })).code;
}

/** Debian asks this file before a package starts a service: 101 says no. One that is there already stays. */
async function withoutServices(action: () => Promise<void>): Promise<void> {
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await action();
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

/** Services that we have just installed shall not start at the next boot either. */
async function disableServices(services: readonly string[]): Promise<void> {
  if (!existsSync("/run/systemd/system")) return;
  for (const service of services) await exec("systemctl", ["disable", service], { tolerant: true });
}

function hasPackageLists(): boolean {
  const dir = "/var/lib/apt/lists";
  return existsSync(dir) && readdirSync(dir).some((name) => /_Packages(\.|$)/.test(name));
}

function fileIsThere(file: string): boolean {
  return file.startsWith("/") ? existsSync(file) : folderOf(file) !== undefined;
}

/** The folder of the PATH that holds a program. */
export function folderOf(program: string): string | undefined {
  return (process.env["PATH"] ?? "").split(delimiter).find((dir) => existsSync(join(dir, program)));
}
