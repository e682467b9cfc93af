// SPDX-License-Identifier: Apache-2.0
import { statfs } from "node:fs/promises";
import type { Container, Image } from "@longshore/crds/cri";
import type { Clock } from "../../clock.ts";
import type { Cri } from "../../cri/index.ts";
import { DOCKER_HUB, registryOf } from "../../images/index.ts";
import type { AgentLog } from "../../log.ts";

/** When images go, and which may. */
export interface ImageGcOptions {
  /** share of the image file system above which images are removed; a kubelet's 0.85 */
  readonly highShare: number;
  /** and down to which; 0.80 */
  readonly lowShare: number;
  /** an image younger than this on the node stays; 2 min */
  readonly minAgeMs: number;
}

/** A kubelet's thresholds. */
export const IMAGE_GC: ImageGcOptions = { highShare: 0.85, lowShare: 0.8, minAgeMs: 120_000 };

/** An image as far as the choice needs it. */
export interface KnownImage {
  readonly id: string;
  readonly sizeBytes: number;
  readonly pinned: boolean;
  readonly inUse: boolean;
  readonly firstSeenMs: number;
  readonly lastUsedMs: number;
}

/** Images to remove, the longest unused first, until enough is free. Pure. */
export function imagesToRemove(
  images: readonly KnownImage[],
  disk: { readonly usedBytes: number; readonly capacityBytes: number; readonly nowMs: number },
  o: ImageGcOptions = IMAGE_GC,
): readonly string[] {
  if (disk.capacityBytes <= 0 || disk.usedBytes / disk.capacityBytes < o.highShare) return [];
  let toFree = disk.usedBytes - disk.capacityBytes * o.lowShare;
  const candidates = images
    .filter((i) => !i.inUse && !i.pinned && disk.nowMs - i.firstSeenMs >= o.minAgeMs)
    .sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  const removed: string[] = [];
  for (const image of candidates) {
    if (toFree <= 0) break;
    removed.push(image.id);
    toFree -= image.sizeBytes;
  }
  return removed;
}

interface Seen {
  readonly firstSeenMs: number;
  readonly lastUsedMs: number;
}

/** Keeps the image file system from filling up. */
export function createImageGc(deps: {
  cri: Cri;
  clock: Clock;
  log: AgentLog;
  /** what the runtime makes sandboxes of: never removed. "" when unknown */
  sandboxImage: string;
  options?: ImageGcOptions;
}): () => Promise<void> {
  const { cri, clock, log, sandboxImage, options = IMAGE_GC } = deps;
  let seen = new Map<string, Seen>();
  const note = (image: Image, inUse: boolean): KnownImage => {
    const nowMs = clock.monotonicMs();
    const before = seen.get(image.id);
    const firstSeenMs = before?.firstSeenMs ?? nowMs;
    const lastUsedMs = inUse ? nowMs : (before?.lastUsedMs ?? nowMs);
    return {
      id: image.id,
      sizeBytes: Number(image.size),
      pinned: image.pinned,
      inUse,
      firstSeenMs,
      lastUsedMs,
    };
  };
  const look = async (): Promise<readonly KnownImage[]> => {
    const [images, containers] = await Promise.all([cri.listImages(), cri.listContainers()]);
    const used = new Set(containers.flatMap((c: Container) => [c.imageRef, c.imageId, c.image?.image ?? ""]));
    used.add(fullName(sandboxImage));
    const known = images.map((image) => note(image, isUsed(image, used)));
    seen = new Map(known.map((k) => [k.id, k]));
    return known;
  };
  return async () => {
    const known = await look();
    const [fs] = await cri.imageFsInfo();
    const mountpoint = fs?.fsId?.mountpoint;
    if (mountpoint === undefined || mountpoint === "") return;
    const disk = await statfs(mountpoint);
    const capacityBytes = disk.blocks * disk.bsize;
    const usedBytes = capacityBytes - disk.bavail * disk.bsize;
    for (const id of imagesToRemove(
      known,
      { usedBytes, capacityBytes, nowMs: clock.monotonicMs() },
      options,
    )) {
      log.info({ image: id }, "removing an unused image, the disk is nearly full");
      await cri.removeImage(id).catch((err: unknown) => {
        log.warn({ image: id, err }, "image not removed, going on with the next");
      });
    }
  };
}

/** As the runtime lists it: with its registry and its tag. */
function fullName(image: string): string {
  const { host, path } = registryOf(image);
  const isOfficial = host === DOCKER_HUB && !path.includes("/");
  const tagged = /[:@]/.test(path) ? path : `${path}:latest`;
  return `${host}/${isOfficial ? "library/" : ""}${tagged}`;
}

/** Names of the sandbox image are the runtime's own business: it pins it, or it comes again. */
const isUsed = (image: Image, used: ReadonlySet<string>): boolean =>
  [image.id, ...image.repoTags, ...image.repoDigests].some((name) => used.has(name)) ||
  image.repoTags.some((tag) => /\/pause[:@]/.test(tag));
