// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { ConfigData } from "@longshore/mapper";
import { itemOf } from "../../src/camera/item.ts";
import { cameraOptionsOf } from "../../src/camera/options.ts";
import { sourceOf } from "../../src/camera/source.ts";
import { streamPlanOf } from "../../src/camera/stream.ts";
import { SettingError } from "../../src/settings/index.ts";

describe("where a camera's pictures come from", () => {
  const login = { userName: "admin", passwordFile: "/etc/secret/password" };
  const credentials = { userName: "admin", password: "/etc/secret/password" };
  const onvif = { kind: "onvif", isTls: false, path: "/onvif/device_service", login, profile: undefined };

  it.each<[string, ConfigData, unknown]>([
    [
      "KubeEdge's sample",
      { url: "192.168.168.64:80", ...credentials },
      { ...onvif, host: "192.168.168.64", port: 80 },
    ],
    ["a name", { url: "cam.local", ...credentials }, { ...onvif, host: "cam.local", port: 80 }],
    [
      "host and port",
      { host: "fe80::1", port: 8080, ...credentials },
      { ...onvif, host: "fe80::1", port: 8080 },
    ],
    [
      "an address with TLS",
      { url: "https://cam/onvif/x", ...credentials, profile: "sub" },
      { ...onvif, host: "cam", port: 443, isTls: true, path: "/onvif/x", profile: "sub" },
    ],
    [
      "RTSP",
      { url: "rtsp://cam:8554/a?b=c" },
      { kind: "rtsp", url: "rtsp://cam:8554/a?b=c", login: undefined },
    ],
    ["a file", { url: "file:///srv/a%20b.mp4" }, { kind: "file", path: "/srv/a b.mp4" }],
    [
      "a USB camera",
      { device: "/dev/video0", inputFormat: "mjpeg", size: "640x480", framesPerSecond: "15" },
      { kind: "v4l2", device: "/dev/video0", inputFormat: "mjpeg", size: "640x480", framesPerSecond: 15 },
    ],
  ])("reads %s", (_, config, source) => {
    expect(sourceOf(config)).toEqual(source);
  });

  it.each<[string, ConfigData]>([
    ["nothing", {}],
    ["two ways", { url: "rtsp://a/", device: "/dev/video0" }],
    ["credentials in the address", { url: "rtsp://admin:secret@cam/" }],
    ["another protocol", { url: "http+unix://x/" }],
    ["a protocol of ffmpeg's", { url: "concat:a|b" }],
    ["a device elsewhere", { device: "/dev/../etc/passwd" }],
    ["a device that is an option", { device: "-i" }],
    ["an option as its format", { device: "/dev/video0", inputFormat: "-y" }],
    ["a size with more in it", { device: "/dev/video0", size: "1x1 -y" }],
    ["a password that is none", { url: "rtsp://cam/", userName: "a", password: "secret" }],
    ["a password without a user", { url: "rtsp://cam/", password: "/etc/secret/password" }],
    ["a host with more in it", { host: "cam/../x" }],
  ])("refuses %s, and tells no value", (_, config) => {
    expect(() => sourceOf(config)).toThrow(SettingError);
    expect(() => sourceOf(config)).not.toThrow(/secret@|admin:secret/);
  });
});

describe("what a stream saves", () => {
  it("reads KubeEdge's sample: nanoseconds, floats, and the property's name", () => {
    const config = { format: "jpg", outputDir: "/tmp/case/", frameCount: 30, frameInterval: 1_000_000 };
    expect(streamPlanOf({ name: "saveFrame", config: { ...config, dataType: "stream" } })).toEqual({
      ...{ kind: "frames", format: "jpg", outputDir: "/tmp/case/", frameCount: 30, intervalMs: 1 },
    });
    const video = { frameCount: 1000, format: "mp4", outputDir: "/tmp/case/", videoNum: 2 };
    expect(streamPlanOf({ name: "saveVideo", config: video })).toEqual({
      kind: "video",
      ...video,
      isEncoded: false,
    });
  });

  it("takes an action for a property of another name", () => {
    const config = { outputDir: "/x", action: "saveVideo", videoCodec: "h264" };
    expect(streamPlanOf({ name: "door", config })).toMatchObject({
      kind: "video",
      isEncoded: true,
      videoNum: 1,
    });
  });

  it.each<[string, ConfigData]>([
    ["saveFrame", {}],
    ["saveFrame", { outputDir: "case" }],
    ["saveFrame", { outputDir: "/tmp/case/../../etc" }],
    ["saveFrame", { outputDir: "/tmp/\0" }],
    ["saveFrame", { outputDir: "/x", format: "sh" }],
    ["saveFrame", { outputDir: "/x", format: "jpg -y" }],
    ["saveFrame", { outputDir: "/x", frameCount: 0 }],
    ["saveFrame", { outputDir: "/x", frameCount: 1.5 }],
    ["saveFrame", { outputDir: "/x", frameInterval: -1 }],
    ["saveVideo", { outputDir: "/x", videoNum: 1_001 }],
    ["saveVideo", { outputDir: "/x", format: "jpg" }],
    ["other", { outputDir: "/x" }],
  ])("refuses %s with %p", (name, config) => {
    expect(() => streamPlanOf({ name, config })).toThrow(SettingError);
  });
});

it.each([
  ["getURI", {}, "uri"],
  ["Manufacturer", {}, "manufacturer"],
  ["state", { item: "capturestate" }, "captureState"],
])("reads for the property %s with %p the item %s", (name, config, item) => {
  expect(itemOf({ name, config })).toBe(item);
});

it("reads its options from the environment, and refuses what makes no sense", () => {
  const env = { CAMERA_OUTPUT_FOLDERS: "/a, /b", CAMERA_MAX_FILES: "5", CAMERA_PROTOCOL: "usb" };
  expect(cameraOptionsOf(env)).toMatchObject({ outputFolders: ["/a", "/b"], maxFiles: 5, protocol: "usb" });
  expect(() => cameraOptionsOf({ CAMERA_MAX_BYTES: "1G" })).toThrow("CAMERA_MAX_BYTES");
  expect(() => cameraOptionsOf({ CAMERA_OUTPUT_FOLDERS: "case" })).toThrow("CAMERA_OUTPUT_FOLDERS");
});
