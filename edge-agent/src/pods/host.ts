// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { PodError } from "./model/index.ts";
import type { PodEngineOptions } from "./port.ts";
import { parseResolvConf, type ResolvConf, type SandboxOptions } from "./sandbox/index.ts";

/** The file that every machine has; where systemd-resolved runs, it names only the node itself. */
const DEFAULT_RESOLV_CONF = "/etc/resolv.conf";
const RESOLVED_CONF = "/run/systemd/resolve/resolv.conf";
const NOTHING: ResolvConf = { servers: [], searches: [], options: [] };

/**
 * How the node itself resolves names.
 *
 * @param path file to read; "" is for none
 * @throws {PodError} HOST when a file of its own is configured and cannot be read
 */
export function hostResolvConf(path = DEFAULT_RESOLV_CONF): ResolvConf {
  if (path === "") return NOTHING;
  if (path === DEFAULT_RESOLV_CONF) return read(RESOLVED_CONF) ?? read(path) ?? NOTHING;
  const found = read(path);
  if (!found) throw new PodError("HOST", `the resolver configuration ${path} cannot be read`);
  return found;
}

function read(path: string): ResolvConf | undefined {
  try {
    return parseResolvConf(readFileSync(path, "utf8"));
  } catch {
    return undefined; // not on this machine
  }
}

/** The agent's own oom score adjustment. */
export function ownOomScoreAdj(): number {
  try {
    return Number(readFileSync("/proc/self/oom_score_adj", "utf8").trim());
  } catch {
    return 0;
  }
}

/** Options that workers need, with their defaults. */
export function sharedOptions(options: PodEngineOptions): SandboxOptions {
  return {
    rootDir: options.rootDir,
    podLogsDir: options.podLogsDir ?? "/var/log/pods",
    cgroupParent: options.cgroupParent ?? "/longshore",
    cgroupDriver: options.cgroupDriver ?? "cgroupfs",
    clusterDns: { servers: options.clusterDNS ?? [], domain: options.clusterDomain ?? "" },
  };
}
