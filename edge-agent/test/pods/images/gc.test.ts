// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { systemClock } from "../../../src/clock.ts";
import type { Cri } from "../../../src/cri/index.ts";
import { createImageGc, imagesToRemove, type KnownImage } from "../../../src/pods/images/gc.ts";
import { silent } from "../fakes.ts";

const image = (id: string, ...repoTags: string[]) => ({
  id,
  size: 1n,
  pinned: false,
  repoTags,
  repoDigests: [],
});
const options = { highShare: 0, lowShare: 0, minAgeMs: 0 };

describe("removing images from a full disk", () => {
  it.each([
    ["example.org/base/sandbox:1", "example.org/base/sandbox:1"],
    ["team/sandbox", "docker.io/team/sandbox:latest"],
    ["sandbox:2", "docker.io/library/sandbox:2"],
  ])("never removes the sandbox image that is configured as %s", async (sandboxImage, tag) => {
    const removed: string[] = [];
    const cri = {
      listImages: () => Promise.resolve([image("sandbox", tag), image("other", "docker.io/team/other:1")]),
      listContainers: () => Promise.resolve([]),
      imageFsInfo: () => Promise.resolve([{ fsId: { mountpoint: "/" } }]),
      removeImage: (id: string) => Promise.resolve(void removed.push(id)),
    } as unknown as Cri;
    await createImageGc({ cri, clock: systemClock, log: silent, sandboxImage, options })();
    expect(removed).toEqual(["other"]);
  });

  it("goes on with the next when one cannot be removed", async () => {
    const asked: string[] = [];
    const cri = {
      listImages: () => Promise.resolve([image("stuck"), image("other")]),
      listContainers: () => Promise.resolve([]),
      imageFsInfo: () => Promise.resolve([{ fsId: { mountpoint: "/" } }]),
      removeImage: (id: string) => {
        asked.push(id);
        return id === "stuck" ? Promise.reject(new Error("in use")) : Promise.resolve();
      },
    } as unknown as Cri;
    await createImageGc({ cri, clock: systemClock, log: silent, sandboxImage: "", options })();
    expect(asked).toEqual(["stuck", "other"]);
  });
});

describe("images that are removed", () => {
  const image = (id: string, over: Partial<KnownImage> = {}): KnownImage => ({
    id,
    sizeBytes: 10,
    pinned: false,
    inUse: false,
    firstSeenMs: 0,
    lastUsedMs: 0,
    ...over,
  });
  const full = { usedBytes: 90, capacityBytes: 100, nowMs: 1_000_000 };
  it.each([
    ["none while there is room", [image("a")], { ...full, usedBytes: 84 }, []],
    [
      "the longest unused first, until enough is free",
      [image("new", { lastUsedMs: 5 }), image("old")],
      full,
      ["old"],
    ],
    [
      "more when one is not enough",
      [image("a", { sizeBytes: 5 }), image("b", { lastUsedMs: 1 }), image("c", { lastUsedMs: 2 })],
      full,
      ["a", "b"],
    ],
    [
      "never one in use, pinned, or just pulled",
      [image("a", { inUse: true }), image("b", { pinned: true }), image("c", { firstSeenMs: 999_000 })],
      full,
      [],
    ],
    ["none of a disk of unknown size", [image("a")], { ...full, capacityBytes: 0 }, []],
  ] as const)("%s", (_title, images, disk, want) => expect(imagesToRemove(images, disk)).toEqual(want));
});
