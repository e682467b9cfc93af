// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { capture } from "../../src/camera/capture.ts";
import type { Ffmpeg } from "../../src/camera/ffmpeg.ts";
import { createOutputs } from "../../src/camera/folder.ts";
import type { VideoPlan } from "../../src/camera/stream.ts";

const never = new AbortController().signal;

describe("video that is saved", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "longshore-capture-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** An ffmpeg that writes this much, and this many frames, unless `-fs` ends it. */
  const writing =
    (bytes: number, frames: number): Ffmpeg =>
    ({ args }) => {
      const most = Number(args[args.indexOf("-fs") + 1]);
      writeFileSync((args.at(-1) ?? "").replace("file:", ""), Buffer.alloc(Math.min(bytes, most)));
      return Promise.resolve(bytes > most ? Math.floor((frames * most) / bytes) : frames);
    };
  const save = (ffmpeg: Ffmpeg, videoNum: number): Promise<void> => {
    const limits = { maxFiles: 10, maxBytes: 1_000 };
    const outputs = createOutputs({ roots: [root], limits, nowMs: Date.now });
    const plan: VideoPlan = {
      ...{ kind: "video", format: "mp4", outputDir: root, frameCount: 100, isEncoded: false },
      videoNum,
    };
    const work = { input: { kind: "file", path: "/x" } as const, progress: { files: 0 } };
    return capture({ ffmpeg, outputs, lookMs: 10 }, plan, work, never);
  };

  it.each([
    { when: "the next file does not fit", bytes: 600, kept: 1 },
    { when: "the folder is full to the last byte", bytes: 500, kept: 2 },
    { when: "no file fits", bytes: 1_001, kept: 0 },
  ])("ends because of the folder when $when", async ({ bytes, kept }) => {
    await expect(save(writing(bytes, 100), 3)).rejects.toMatchObject({ code: "DISK_LIMIT" });
    expect(readdirSync(root)).toHaveLength(kept);
  });

  it("ends because of the camera when that sends too little", async () => {
    await expect(save(writing(100, 50), 1)).rejects.toMatchObject({ code: "STREAM_ENDED" });
  });
});
