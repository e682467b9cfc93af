// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from "node:path";
import { exec, type ExecResult } from "../exec.ts";
import { Fault } from "../fault.ts";

/** kubectl bound to one cluster. */
export interface Kubectl {
  /** Program and flags that bind it to the cluster, for those who run it themselves. */
  readonly argv: readonly [string, ...string[]];
  /** Standard output of a call. @throws {Fault} EXEC_FAILED with what kubectl said */
  run(...args: string[]): Promise<string>;
  /** The same without an error for a non-zero exit. */
  tryRun(...args: string[]): Promise<ExecResult>;
  /** `-o json`, parsed. */
  json<T>(...args: string[]): Promise<T>;
  /** The object, or undefined when there is none. */
  find<T>(...args: string[]): Promise<T | undefined>;
  /** Applies manifests given as text. */
  apply(manifests: string, ...args: string[]): Promise<string>;
  /** Creates an object given as text and returns it as JSON, as a review needs. */
  create(manifest: string): Promise<string>;
}

const TIMEOUT_MS = 60_000;

export function createKubectl(options: { readonly command: string; readonly kubeconfig: string }): Kubectl {
  // An own cache: in the user's, kubectl would keep for hours what the cluster had before the CRDs came.
  const flags = [
    "--kubeconfig",
    options.kubeconfig,
    "--cache-dir",
    join(dirname(options.kubeconfig), "kubectl-cache"),
  ];
  const call = (
    args: readonly string[],
    extra: { input?: string; tolerant?: boolean },
  ): Promise<ExecResult> => exec(options.command, [...flags, ...args], { timeoutMs: TIMEOUT_MS, ...extra });
  const kubectl: Kubectl = {
    argv: [options.command, ...flags],
    run: async (...args) => (await call(args, {})).stdout,
    tryRun: (...args) => call(args, { tolerant: true }),
    json: async <T>(...args: string[]) => JSON.parse((await call([...args, "-o", "json"], {})).stdout) as T,
    find: async <T>(...args: string[]) => {
      const { code, stdout, stderr } = await call(["get", ...args, "-o", "json"], { tolerant: true });
      if (code === 0) return JSON.parse(stdout) as T;
      if (/NotFound/.test(stderr)) return undefined;
      throw new Fault("EXEC_FAILED", `kubectl get ${args.join(" ")}: ${stderr.trim()}`);
    },
    apply: async (manifests, ...args) =>
      (await call(["apply", "-f", "-", ...args], { input: manifests })).stdout,
    create: async (manifest) => (await call(["create", "-f", "-", "-o", "json"], { input: manifest })).stdout,
  };
  return kubectl;
}
