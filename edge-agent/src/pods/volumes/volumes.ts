// SPDX-License-Identifier: Apache-2.0
import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Paths, podDir, volumeDir } from "../identity/index.ts";
import {
  type DataObjects,
  type Pod,
  PodError,
  podUid,
  type ProjectedSource,
  type TokenProjection,
  type Volume,
} from "../model/index.ts";
import { bytesOf } from "../resources/index.ts";
import type { FieldContext } from "../values/index.ts";
import { writeAtomically } from "./atomic-dir.ts";
import { prepareHostPath } from "./host-path.ts";
import { type Mounter, unmountAndRemove } from "./mounter.ts";
import {
  DEFAULT_MODE,
  downwardFiles,
  type FileContent,
  objectFiles,
  type Payload,
  safePath,
} from "./payload.ts";

/** Where the content of volumes comes from. */
export interface VolumeSources {
  readonly objects: DataObjects;
  token(pod: Pod, projection: TokenProjection): Promise<string>;
}

/** Where volumes are, and who mounts them. */
export interface VolumeDeps {
  readonly paths: Paths;
  readonly mounter: Mounter;
}

/** The volumes of one pod, with all that rendering them needs. */
export interface VolumeRun extends VolumeDeps {
  readonly pod: Pod;
  readonly fields: FieldContext;
  readonly sources: VolumeSources;
}

const fsGroupOf = (pod: Pod): number | undefined => pod.spec.securityContext?.fsGroup ?? undefined;

function merged(parts: readonly Payload[]): Payload {
  return new Map<string, FileContent>(parts.flatMap((part) => [...part]));
}

async function projectedPart(run: VolumeRun, source: ProjectedSource, mode: number): Promise<Payload> {
  if (source.configMap) return fromObject(run, "configmap", source.configMap, mode);
  if (source.secret) return fromObject(run, "secret", source.secret, mode);
  if (source.downwardAPI) return downwardFiles(source.downwardAPI.items ?? [], run.fields, mode);
  if (!source.serviceAccountToken)
    throw new PodError("INVALID", "projected volume has a source of an unknown kind");
  const token = await run.sources.token(run.pod, source.serviceAccountToken);
  const bytes = Buffer.from(token);
  return new Map([[safePath(source.serviceAccountToken.path), { bytes, mode: tokenMode(run.pod, mode) }]]);
}

/** A token is its owner's alone, except that the pod's fsGroup may read it. Without a user, the volume's own mode holds. */
const tokenMode = (pod: Pod, mode: number): number => (fsGroupOf(pod) === undefined ? mode : 0o600);

interface ObjectRef {
  readonly name?: string;
  readonly items?: NonNullable<Volume["configMap"]>["items"];
  readonly optional?: boolean;
}

async function fromObject(
  run: VolumeRun,
  kind: "configmap" | "secret",
  ref: ObjectRef,
  mode: number,
): Promise<Payload> {
  const name = ref.name ?? "";
  const object = await run.sources.objects.get(kind, name);
  return objectFiles(object, { kind, name, items: ref.items, optional: ref.optional === true, mode });
}

interface Rendered {
  readonly dir: string;
  /** secrets never touch a disk */
  readonly inMemory: boolean;
  readonly payload: () => Promise<Payload>;
}

function rendered(run: VolumeRun, volume: Volume): Rendered | undefined {
  const uid = podUid(run.pod);
  const dir = (plugin: "configMap" | "secret" | "projected" | "downwardAPI"): string =>
    volumeDir(run.paths, uid, plugin, volume.name);
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) {
    const mode = configMap.defaultMode ?? DEFAULT_MODE;
    return {
      dir: dir("configMap"),
      inMemory: false,
      payload: () => fromObject(run, "configmap", configMap, mode),
    };
  }
  if (secret) {
    const ref: ObjectRef = { ...secret, name: secret.secretName ?? "" };
    const payload = (): Promise<Payload> =>
      fromObject(run, "secret", ref, secret.defaultMode ?? DEFAULT_MODE);
    return { dir: dir("secret"), inMemory: true, payload };
  }
  if (downwardAPI) {
    const files = (): Payload =>
      downwardFiles(downwardAPI.items ?? [], run.fields, downwardAPI.defaultMode ?? DEFAULT_MODE);
    return { dir: dir("downwardAPI"), inMemory: false, payload: () => Promise.resolve(files()) };
  }
  return projected
    ? { dir: dir("projected"), inMemory: true, payload: () => projectedFiles(run, projected) }
    : undefined;
}

async function projectedFiles(run: VolumeRun, projected: NonNullable<Volume["projected"]>): Promise<Payload> {
  const mode = projected.defaultMode ?? DEFAULT_MODE;
  return merged(
    await Promise.all((projected.sources ?? []).map((source) => projectedPart(run, source, mode))),
  );
}

async function isMounted(dir: string, mounter: Mounter): Promise<boolean> {
  return (await mounter.below(dir)).includes(dir);
}

async function renderInto(run: VolumeRun, target: Rendered): Promise<boolean> {
  const payload = await target.payload();
  await mkdir(target.dir, { recursive: true, mode: 0o755 });
  if (target.inMemory && !(await isMounted(target.dir, run.mounter))) {
    await run.mounter.tmpfs(target.dir, ["mode=0755"]);
  }
  return writeAtomically(target.dir, payload, { fsGroup: fsGroupOf(run.pod) });
}

async function emptyDir(run: VolumeRun, volume: Volume): Promise<void> {
  const dir = volumeDir(run.paths, podUid(run.pod), "emptyDir", volume.name);
  await mkdir(dir, { recursive: true });
  if (volume.emptyDir?.medium === "Memory" && !(await isMounted(dir, run.mounter))) {
    const size = bytesOf(volume.emptyDir.sizeLimit);
    await run.mounter.tmpfs(dir, ["mode=0777", ...(size > 0 ? [`size=${size}`] : [])]);
  }
  const group = fsGroupOf(run.pod);
  if (group !== undefined) await chown(dir, -1, group);
  await chmod(dir, group === undefined ? 0o777 : 0o2777);
}

async function prepare(run: VolumeRun, volume: Volume): Promise<void> {
  if (volume.hostPath) return prepareHostPath(volume.hostPath.path, volume.hostPath.type ?? "");
  if (volume.emptyDir) return emptyDir(run, volume);
  const target = rendered(run, volume);
  if (!target)
    throw new PodError("INVALID", `volume ${volume.name} is of a kind that this node does not have`);
  await renderInto(run, target);
}

/**
 * Brings all volumes of a pod in place. Idempotent.
 *
 * @throws {PodError} the first fault, naming the volume
 */
export async function mountVolumes(run: VolumeRun): Promise<void> {
  await mkdir(podDir(run.paths, podUid(run.pod)), { recursive: true, mode: 0o750 });
  const results = await Promise.allSettled(
    (run.pod.spec.volumes ?? []).map((volume) => prepare(run, volume)),
  );
  const failed = results.find((r) => r.status === "rejected");
  if (failed) throw failed.reason;
}

/** Brings rendered files up to date with their objects. @returns names of the volumes that changed */
export async function refreshVolumes(run: VolumeRun): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const volume of run.pod.spec.volumes ?? []) {
    const target = rendered(run, volume);
    if (target && (await renderInto(run, target))) changed.push(volume.name);
  }
  return changed;
}

/** Gives back everything that the pod has on the node's file system. @throws {PodError} HOST */
export async function removeVolumes(deps: VolumeDeps, uid: string): Promise<void> {
  await unmountAndRemove(podDir(deps.paths, uid), deps.mounter);
}

/** Where a volume is on the node. @throws {PodError} INVALID */
export function volumePath(paths: Paths, pod: Pod, name: string): string {
  const volume = (pod.spec.volumes ?? []).find((v) => v.name === name);
  if (volume?.hostPath) return volume.hostPath.path;
  const plugin = (["configMap", "secret", "projected", "downwardAPI", "emptyDir"] as const).find(
    (p) => volume?.[p],
  );
  if (!plugin) throw new PodError("INVALID", `no volume named ${name}`);
  return join(volumeDir(paths, podUid(pod), plugin, name));
}
