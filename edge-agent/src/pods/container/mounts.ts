// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:fs";
import { mkdir, open, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MountPropagation, type DeepPartial, type Mount } from "@longshore/crds/cri";
import { type Paths, lastWordsPath, podDir } from "../identity/index.ts";
import {
  type Container,
  type Pod,
  PodError,
  podNamespace,
  podUid,
  type VolumeMount,
} from "../model/index.ts";
import { hostnameOf } from "../sandbox/index.ts";
import { expand } from "../values/index.ts";
import { safePath, volumePath } from "../volumes/index.ts";

const PROPAGATION: Readonly<Record<string, MountPropagation>> = {
  None: MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** One run of a container, as far as its mounts need it. */
export interface MountRun {
  readonly paths: Paths;
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly env: ReadonlyMap<string, string>;
  readonly podIps: readonly string[];
  /** `cluster.local`; "" when there is none */
  readonly clusterDomain: string;
}

/** Follows a subPath inside its volume, refusing links that lead out of it. @throws {PodError} INVALID */
async function subPath(base: string, path: string): Promise<string> {
  const clean = safePath(path);
  const target = join(base, clean);
  const root = await realpath(base);
  const found = await realpath(target).catch(() => undefined);
  if (found === undefined) {
    const parent = await nearest(dirname(target));
    if (!isBelow(parent, root))
      throw new PodError("INVALID", `subPath ${path.slice(0, 80)} leaves its volume`);
    await mkdir(target, { recursive: true, mode: 0o755 });
    return target;
  }
  if (!isBelow(found, root)) throw new PodError("INVALID", `subPath ${path.slice(0, 80)} leaves its volume`);
  return found;
}

async function nearest(path: string): Promise<string> {
  return realpath(path).catch(() => nearest(dirname(path)));
}

const isBelow = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);

async function volumeMount(run: MountRun, mount: VolumeMount): Promise<DeepPartial<Mount>> {
  const base = volumePath(run.paths, run.pod, mount.name);
  const inner = mount.subPathExpr ? expand(mount.subPathExpr, run.env) : (mount.subPath ?? "");
  return {
    containerPath: mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`,
    hostPath: inner === "" ? base : await subPath(base, inner),
    readonly: mount.readOnly ?? false,
    propagation: PROPAGATION[mount.mountPropagation ?? "None"] ?? MountPropagation.PROPAGATION_PRIVATE,
  };
}

/** Content of /etc/hosts inside the pod. Pure. */
export function etcHosts(pod: Pod, podIps: readonly string[], clusterDomain: string): string {
  const names = [...fullName(pod, clusterDomain), hostnameOf(pod)].join("\t");
  const own = podIps.map((ip) => `${ip}\t${names}`);
  const aliases = (pod.spec.hostAliases ?? []).map((a) => `${a.ip}\t${(a.hostnames ?? []).join("\t")}`);
  const base = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];
  return `${[...base, ...own, ...aliases].join("\n")}\n`;
}

/** The name that a headless Service gives the pod; none without a subdomain. */
function fullName(pod: Pod, clusterDomain: string): readonly string[] {
  const { subdomain = "" } = pod.spec;
  if (subdomain === "") return [];
  const parts = [hostnameOf(pod), subdomain, podNamespace(pod), "svc", clusterDomain];
  return [parts.filter(Boolean).join(".")];
}

async function hostsMount(run: MountRun): Promise<DeepPartial<Mount>[]> {
  const mounts = run.container.volumeMounts ?? [];
  if (run.pod.spec.hostNetwork === true || mounts.some((m) => m.mountPath === "/etc/hosts")) return [];
  const path = join(podDir(run.paths, podUid(run.pod)), "etc-hosts");
  await writeFile(path, etcHosts(run.pod, run.podIps, run.clusterDomain), { mode: 0o644 });
  return [{ containerPath: "/etc/hosts", hostPath: path, readonly: false }];
}

/** An own file for each attempt, so that an old message is never taken for a new one. */
async function terminationMount(run: MountRun): Promise<DeepPartial<Mount>> {
  const { name } = run.container;
  const path = lastWordsPath(run.paths, podUid(run.pod), { name, attempt: run.attempt });
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const file = await open(
    path,
    constants.O_CREAT | constants.O_TRUNC | constants.O_WRONLY | constants.O_NOFOLLOW,
    0o666,
  );
  await file.chmod(0o666).finally(() => file.close());
  return { containerPath: run.container.terminationMessagePath ?? "/dev/termination-log", hostPath: path };
}

/** Everything that is mounted into a container. @throws {PodError} */
export async function containerMounts(run: MountRun): Promise<readonly DeepPartial<Mount>[]> {
  const volumes = await Promise.all(
    (run.container.volumeMounts ?? []).map((mount) => volumeMount(run, mount)),
  );
  return [...volumes, ...(await hostsMount(run)), await terminationMount(run)];
}
