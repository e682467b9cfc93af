// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exec } from "../exec.ts";
import { Fault } from "../fault.ts";
import { ensureGo } from "../prerequisites.ts";
import { seconds, type Say } from "../steps.ts";

const HERE = import.meta.dirname;
const TIMEOUT_MS = 40 * 60_000;

/** Programs of a control plane and the packages that they are built from. */
const PROGRAMS: Readonly<Record<string, string>> = {
  etcd: "go.etcd.io/etcd/server/v3",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
};

/** Folder that the programs of exactly these go.mod and go.sum belong in. */
export function cachedBin(): string {
  const digest = createHash("sha256");
  for (const file of ["go.mod", "go.sum"]) digest.update(readFileSync(join(HERE, file)));
  return join(homedir(), ".cache/longshore/control-plane", digest.digest("hex").slice(0, 16));
}

/** Whether nothing has to be built. */
export const hasControlPlane = (): boolean => givenBin() !== undefined || missingIn(cachedBin()).length === 0;

/**
 * Folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl: LONGSHORE_BIN
 * if set, else the cache, into which those that are missing are built, one at a time.
 *
 * @throws {Fault} BIN_INCOMPLETE, NO_GO, EXEC_FAILED with the compiler's words
 */
export async function ensureControlPlane(
  say: Say,
  only: readonly string[] = Object.keys(PROGRAMS),
): Promise<string> {
  const given = givenBin();
  if (given !== undefined) {
    const missing = missingIn(given);
    if (missing.length > 0)
      throw new Fault(
        "BIN_INCOMPLETE",
        `LONGSHORE_BIN=${given} lacks ${missing.join(", ")}`,
        "unset LONGSHORE_BIN to have them built",
      );
    return given;
  }
  const dir = cachedBin();
  const missing = missingIn(dir).filter((name) => only.includes(name));
  if (missing.length === 0) return dir;
  await ensureGo();
  mkdirSync(dir, { recursive: true });
  say(`compiling ${missing.length} programs once, into ${dir}; on two cores that takes about six minutes`);
  for (const [index, name] of missing.entries()) {
    const startedMs = performance.now();
    say(`compiling ${name} (${index + 1} of ${missing.length})`);
    await compile(name, dir, say);
    say(`compiled ${name} in ${seconds(performance.now() - startedMs)}`);
  }
  return dir;
}

const givenBin = (): string | undefined => process.env["LONGSHORE_BIN"] || undefined;

const missingIn = (dir: string): string[] =>
  Object.keys(PROGRAMS).filter((name) => !existsSync(join(dir, name)));

/** A program appears under its name only when it is whole. */
async function compile(name: string, dir: string, say: Say): Promise<void> {
  const partial = join(dir, `.${name}.${process.pid}`);
  const version = kubernetesVersion();
  const [major, minor] = version.slice(1).split(".");
  const variables = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const ldflags = Object.entries(variables).map(
    ([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`,
  );
  const args = [
    "build",
    "-trimpath",
    "-mod=readonly",
    "-ldflags",
    ["-s", "-w", ...ldflags].join(" "),
    "-o",
    partial,
    PROGRAMS[name]!,
  ];
  let downloads = 0;
  const onLine = (line: string): void => {
    if (/^go: downloading/.test(line) && ++downloads % 25 === 0)
      say(`compiling ${name}: ${downloads} modules fetched`);
  };
  try {
    await exec("go", args, {
      cwd: HERE,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" },
      timeoutMs: TIMEOUT_MS,
      onLine,
    });
    renameSync(partial, join(dir, name));
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Without a version, kubectl cannot parse its own. */
function kubernetesVersion(): string {
  const version = /^\s*k8s\.io\/kubernetes (v[\d.]+)/m.exec(readFileSync(join(HERE, "go.mod"), "utf8"))?.[1];
  if (version === undefined)
    throw new Fault("GO_MOD", "hack/control-plane/go.mod does not name k8s.io/kubernetes");
  return version;
}
