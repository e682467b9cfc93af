// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What kubectl answered. */
export interface Said {
  readonly code: number;
  readonly out: string;
  /** Warnings, too. */
  readonly err: string;
}

export interface Kubectl {
  /** As a user runs it, whatever comes of it. */
  readonly tell: (args: readonly string[], stdin?: string) => Promise<Said>;
  /** @throws Error with what it said, when it fails */
  readonly kubectl: (args: readonly string[], stdin?: string) => Promise<string>;
}

/** @param where folder of kubectl, and the kubeconfig: asked at each call, for tests know it late */
export function kubectlAt(where: () => { readonly bin: string; readonly kubeconfig: string }): Kubectl {
  const tell: Kubectl["tell"] = (args, stdin = "") =>
    new Promise((resolve) => {
      const { bin, kubeconfig } = where();
      const options = { timeout: 60_000, env: { HOME: tmpdir() } };
      const all = [`--kubeconfig=${kubeconfig}`, `--cache-dir=${kubeconfig}.cache`, ...args];
      const child = execFile(join(bin, "kubectl"), all, options, (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
      });
      child.stdin?.end(stdin);
    });
  return {
    tell,
    async kubectl(args, stdin) {
      const { code, out, err } = await tell(args, stdin);
      if (code !== 0) throw new Error(err);
      return out;
    },
  };
}
