// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import type { PodEngineOptions } from "./port.ts";
import { parseResolvConf, type ResolvConf, type SandboxOptions } from "./sandbox/index.ts";

const RESOLV_CONFS = ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"];

/** How the node itself resolves names. */
export function hostResolvConf(): ResolvConf {
  for (const path of RESOLV_CONFS) {
    try {
      return parseResolvConf(readFileSync(path, "utf8"));
    } catch {
      // not on this machine: the next one
    }
  }
  return { servers: [], searches: [], options: [] };
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
