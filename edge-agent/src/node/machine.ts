// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { arch, availableParallelism, networkInterfaces, release, totalmem } from "node:os";
import { chooseIp, defaultRouteInterface } from "./address.ts";
import type { MachineFacts, MachineState } from "./facts.ts";

const GO_ARCH: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const HUGEPAGES = "/sys/kernel/mm/hugepages";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return ""; // not on every machine; an empty fact says so
  }
}

/** Reads what identifies this machine and what it has. */
export function readMachineFacts(): MachineFacts {
  const machineId = read("/etc/machine-id") || read("/var/lib/dbus/machine-id");
  return {
    machineId,
    systemUuid: read("/sys/class/dmi/id/product_uuid") || machineId,
    bootId: read("/proc/sys/kernel/random/boot_id"),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(read("/etc/os-release"))?.[1] ?? "Linux",
    architecture: GO_ARCH[arch()] ?? arch(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    hugepages: readHugepages(),
  };
}

function readHugepages(): Record<string, number> {
  try {
    const names = readdirSync(HUGEPAGES).flatMap(
      (name) => /^hugepages-(\d+)kB$/.exec(name)?.slice(1, 2) ?? [],
    );
    return Object.fromEntries(
      names.map((kib) => [
        kib,
        Number(read(`${HUGEPAGES}/hugepages-${kib}kB/nr_hugepages`)) * Number(kib) * 1024,
      ]),
    );
  } catch {
    return {}; // a kernel without them
  }
}

/** Reads what may have changed. @param directory where pods and their volumes live */
export function readMachineState(
  directory: string,
  wanted: { ip: string; interfaceName: string },
): MachineState {
  const meminfo = /^MemAvailable:\s+(\d+) kB$/m.exec(read("/proc/meminfo"))?.[1];
  const disk = diskOf(directory);
  const route = defaultRouteInterface(read("/proc/net/route"));
  return {
    memoryAvailableBytes: meminfo === undefined ? totalmem() : Number(meminfo) * 1024,
    disk,
    ip: wanted.ip || chooseIp(networkInterfaces(), wanted.interfaceName || route),
  };
}

function diskOf(directory: string): MachineState["disk"] {
  for (let path = directory; ; path = path.slice(0, path.lastIndexOf("/")) || "/") {
    try {
      const { bsize, blocks, bavail, files, ffree } = statfsSync(path);
      return { bytes: blocks * bsize, availableBytes: bavail * bsize, inodes: files, inodesFree: ffree };
    } catch (error) {
      if (path === "/") throw error; // not made yet: the folder above it is on the same disk
    }
  }
}
