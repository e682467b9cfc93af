// SPDX-License-Identifier: Apache-2.0
// A real ffmpeg and a file in place of a camera: the way that a USB camera's pictures go, of which there is none here.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { driverOf, type ConfigData, type DeviceHandle } from "@longshore/mapper";
import { cameraMapper, type CameraOptions } from "../../src/camera/index.ts";
import { aDevice, aProperty, aStream, calling, streaming } from "./support/devices.ts";

const root = mkdtempSync(join(tmpdir(), "longshore-file-"));
const out = join(root, "case");

beforeAll(() => {
  mkdirSync(join(root, "films"));
  // A second of video, with the sound of a telephone, as many cameras have it.
  execFileSync("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=1"],
    ...["-f", "lavfi", "-i", "sine=duration=1:sample_rate=8000", "-c:a", "pcm_mulaw", "-c:v", "libx264"],
    ...["-g", "5", "-pix_fmt", "yuv420p", join(root, "films/a.mkv")],
  ]);
  writeFileSync(join(root, "secret"), "hidden");
  symlinkSync(join(root, "secret"), join(root, "films/link.mkv"));
});
beforeEach(() => {
  rmSync(out, { recursive: true, force: true });
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

function open(url: string, options: Partial<CameraOptions> = {}): Promise<DeviceHandle> {
  const folders = { outputFolders: [out], sourceFolders: [join(root, "films")] };
  const config: ConfigData = url.startsWith("/dev/") ? { device: url } : { url };
  return Promise.resolve(driverOf(cameraMapper({ ...folders, ...options })).open(aDevice(config), calling()));
}
const film = (): string => `file://${join(root, "films/a.mkv")}`;
const save = async (handle: DeviceHandle, name: string, config: ConfigData): Promise<void> =>
  handle.stream?.(aStream(name, { outputDir: out, ...config }), streaming());
const saved = (): string[] => (existsSync(out) ? readdirSync(out) : []);
const probe = (file: string): string =>
  execFileSync("ffprobe", [
    ...[
      "-v",
      "error",
      "-count_packets",
      "-show_entries",
      "stream=codec_name,nb_read_packets",
      "-of",
      "csv=p=0",
    ],
    join(out, file),
  ]).toString();

describe("a file that stands for a camera", () => {
  it.each(["jpg", "png"])("gives more pictures than it has: it begins anew (%s)", async (format) => {
    await save(await open(film()), "saveFrame", { frameCount: 40, format });
    expect(saved()).toHaveLength(40);
  });

  it.each([
    { format: "mp4", videoCodec: "copy" },
    { format: "mp4", videoCodec: "h264" },
    { format: "mkv", videoCodec: "copy" },
    { format: "mov", videoCodec: "copy" },
  ])("gives video with sound: $format, $videoCodec", async (config) => {
    await save(await open(film()), "saveVideo", { ...config, frameCount: 60 });
    expect(saved()).toHaveLength(1);
    expect(probe(saved()[0] ?? "")).toMatch(/^h264,60\naac,\d+\n/);
  });

  it.each([
    { frameCount: 500, options: { maxFiles: 7 }, files: 7 },
    { frameCount: 500, options: { maxBytes: 20_000 }, files: undefined },
  ])("fills its folder no further than $options", async ({ frameCount, options, files }) => {
    const handle = await open(film(), { ...options, lookMs: 5 });
    await expect(save(handle, "saveFrame", { frameCount })).rejects.toMatchObject({ code: "DISK_LIMIT" });
    expect(saved().length).toBeLessThan(500);
    if (files !== undefined) expect(saved()).toHaveLength(files);
    expect(await handle.read(aProperty("captureError"), calling())).toMatch(/no more is allowed/);
  });

  it("gives no video that is larger than what is left", async () => {
    const handle = await open(film(), { maxBytes: 20_000 });
    await expect(save(handle, "saveVideo", { frameCount: 5_000 })).rejects.toMatchObject({
      name: "CameraError",
    });
    expect(saved()).toEqual([]);
  });

  it.each([
    { what: "in no folder for such files", url: () => `file://${join(root, "secret")}` },
    { what: "a link out of it", url: () => `file://${join(root, "films/link.mkv")}` },
    { what: "reached by ..", url: () => `file://${join(root, "films")}/%2e%2e/secret` },
  ])("is not opened when it is $what", async ({ url }) => {
    await expect(open(url())).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  });

  it("is not opened when no folder is for such files", async () => {
    await expect(open(film(), { sourceFolders: [] })).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  });

  it("says when there is no ffmpeg", async () => {
    const handle = await open(film(), { ffmpeg: "/nowhere/ffmpeg" });
    await expect(save(handle, "saveFrame", {})).rejects.toMatchObject({ code: "FFMPEG_FAILED" });
  });
});

it("does not open a USB camera that is not plugged in", async () => {
  await expect(open("/dev/video99")).rejects.toMatchObject({ code: "UNREACHABLE" });
});
