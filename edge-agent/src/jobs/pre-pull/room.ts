// SPDX-License-Identifier: Apache-2.0
import { statfs } from "node:fs/promises";
import type { Cri } from "../../cri/index.ts";

/** Share of the file system that is free, from 0 to 1. */
export type FreeShare = (mountpoint: string) => Promise<number>;

/** This machine's. */
export const freeShareOf: FreeShare = async (mountpoint) => {
  const { bavail, blocks } = await statfs(mountpoint);
  return blocks === 0 ? 1 : bavail / blocks;
};

/**
 * Pulling into a full disk takes the node's pods with it.
 *
 * @returns why there is no room for images; undefined also where the runtime does not tell where they go
 */
export async function lackOfRoom(
  cri: Pick<Cri, "imageFsInfo">,
  minFreeShare: number,
  freeShare: FreeShare,
): Promise<string | undefined> {
  const share = await leastShare(cri, freeShare);
  if (share === undefined || share >= minFreeShare) return undefined;
  return `no room for images: ${percent(share)} of their disk is free, ${percent(minFreeShare)} must stay free`;
}

async function leastShare(cri: Pick<Cri, "imageFsInfo">, freeShare: FreeShare): Promise<number | undefined> {
  try {
    const places = (await cri.imageFsInfo()).map(({ fsId }) => fsId?.mountpoint ?? "");
    const shares = await Promise.all(places.filter((place) => place !== "").map(freeShare));
    return shares.length === 0 ? undefined : Math.min(...shares);
  } catch {
    return undefined; // the pull tells what is wrong with the runtime or its disk
  }
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
