// SPDX-License-Identifier: Apache-2.0
import { Fault } from "../fault.ts";
import type { Say } from "../steps.ts";
import { ensureCompiled, missingIn, versionOf, type GoModule } from "./compile.ts";

const HERE = import.meta.dirname;

const PROGRAMS: Readonly<Record<string, string>> = {
  etcd: "go.etcd.io/etcd/server/v3",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
};

/**
 * Folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl: LONGSHORE_BIN
 * if set, else the cache, into which those that are missing are built.
 *
 * @throws {Fault} BIN_INCOMPLETE, NO_GO, EXEC_FAILED with the compiler's words
 */
export async function ensureControlPlane(
  say: Say,
  only: readonly string[] = Object.keys(PROGRAMS),
): Promise<string> {
  const module = controlPlane();
  const given = givenBin();
  if (given === undefined) return ensureCompiled(module, only, say);
  const missing = missingIn(given, module);
  if (missing.length === 0) return given;
  throw new Fault(
    "BIN_INCOMPLETE",
    `LONGSHORE_BIN=${given} lacks ${missing.join(", ")}`,
    "unset LONGSHORE_BIN to have them built",
  );
}

/** Programs that were built elsewhere. */
export const givenBin = (): string | undefined => process.env["LONGSHORE_BIN"] || undefined;

/** Without a version, kubectl cannot parse its own. */
function controlPlane(): GoModule {
  const version = versionOf("k8s.io/kubernetes", HERE);
  const [major = "", minor = ""] = version.slice(1).split(".");
  const build = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const variables = Object.fromEntries(
    Object.entries(build).map(([key, value]) => [`k8s.io/component-base/version.${key}`, value]),
  );
  return { dir: HERE, name: "control-plane", programs: PROGRAMS, variables, takes: "about six minutes" };
}
