// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { systemClock } from "../../../src/clock.ts";
import type { Cri } from "../../../src/cri/index.ts";
import { createImageGc } from "../../../src/pods/images/gc.ts";
import { silent } from "../fakes.ts";

describe("removing images from a full disk", () => {
  it("goes on with the next when one cannot be removed", async () => {
    const image = (id: string) => ({ id, size: 1n, pinned: false, repoTags: [], repoDigests: [] });
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
    const options = { highShare: 0, lowShare: 0, minAgeMs: 0 };
    await createImageGc({ cri, clock: systemClock, log: silent, options })();
    expect(asked).toEqual(["stuck", "other"]);
  });
});
