// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where one running environment keeps everything, and the names that keep it apart from others on the machine. */
export interface Layout {
  /** The clone. */
  readonly root: string;
  /** Logs, pids, data: `.run/` for `make up`. */
  readonly dir: string;
  /** Eight hex digits that differ for every clone and environment. */
  readonly id: string;
  /** Unix sockets and container state; short, for socket paths over 107 bytes fail. */
  readonly sockets: string;
  readonly kubeconfig: string;
  readonly logs: string;
  readonly processes: string;
  readonly pki: string;
  /** Bridge interface of the pods. */
  readonly bridge: string;
  /** Pod subnet, /24. */
  readonly subnet: string;
  /** Parent of all cgroups of the pods. */
  readonly cgroupParent: string;
  /**
   * An address that only this machine has, on its loopback interface: API servers call nodes and the endpoints of
   * Services at addresses of loopback itself only in part. Of the range for benchmarks, which no network uses.
   */
  readonly address: string;
  /** First port that is tried for parts without a fixed one. */
  readonly firstPort: number;
}

/** Those of end-to-end tests: one for each worker of jest. */
export const E2E_ENVIRONMENTS = ["e2e", "e2e-2"] as const;
export const ENVIRONMENTS = ["", ...E2E_ENVIRONMENTS, "bench"] as const;
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

export const CLONE = resolve(import.meta.dirname, "../..");

/**
 * The layout of an environment of this clone.
 *
 * @param name "" for `make up`; others live in a folder below it and can run beside it
 */
export function layoutOf(name: EnvironmentName, root: string = CLONE): Layout {
  const digest = digestOf(name === "" ? root : `${root}#${name}`);
  const id = digest.subarray(0, 4).toString("hex");
  const dir = join(root, ".run", name);
  return {
    root,
    dir,
    id,
    sockets: `/run/longshore-${id}`,
    kubeconfig: join(dir, "kubeconfig"),
    logs: join(dir, "logs"),
    processes: join(dir, "processes"),
    pki: join(dir, "pki"),
    bridge: `cni-${id}`,
    subnet: `10.${88 + ((digest[4] ?? 0) % 100)}.${digest[5] ?? 0}.0/24`,
    cgroupParent: `/longshore-${id}`,
    address: `198.18.${digest[8] ?? 0}.${1 + ((digest[9] ?? 0) % 254)}`,
    firstPort: firstPortOf(name, root),
  };
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Environments of one clone start at the same time: none looks for ports where another one does. */
function firstPortOf(name: EnvironmentName, root: string): number {
  const clone = digestOf(root).readUInt16BE(6) % 75;
  return 20_000 + (clone * ENVIRONMENTS.length + ENVIRONMENTS.indexOf(name)) * 40;
}

/** Makes the folders of a layout. */
export function makeFolders(layout: Layout): void {
  for (const dir of [layout.dir, layout.sockets, layout.logs, layout.processes, layout.pki]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
}
