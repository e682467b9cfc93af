// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { framesCall, inputOf, videoCall, type Auth, type Input } from "../../src/camera/arguments.ts";
import { framesOf, reasonOf } from "../../src/camera/progress.ts";
import type { FramesPlan, VideoPlan } from "../../src/camera/stream.ts";

const frames: FramesPlan = { kind: "frames", format: "jpg", outputDir: "/x", frameCount: 30, intervalMs: 1 };
const video: VideoPlan = {
  kind: "video",
  format: "mp4",
  ...{ outputDir: "/x", frameCount: 9, videoNum: 1, isEncoded: false },
};
const rtsp = (auth?: Auth): Input => ({ kind: "rtsp", url: "rtsp://cam/a", auth, stallMs: 5_000 });
const usb: Input = {
  kind: "v4l2",
  ...{ device: "/dev/video0", inputFormat: "mjpeg", size: "640x480", framesPerSecond: 5 },
};
const aFile: Input = { kind: "file", path: "/a" };

describe("ffmpeg's arguments", () => {
  it("name no credentials: those go through the pipe", () => {
    const { args, stdin } = inputOf(rtsp({ userName: "admin", password: "p@ss" }));
    expect(args.join(" ")).not.toMatch(/admin|p@ss|rtsp:/);
    expect(stdin).toContain(
      "file 'rtsp://admin:p%40ss@cam/a'\noption rtsp_transport tcp\noption timeout 5000000\n",
    );
  });

  it("keep any name and password within one entry of the list, and unharmed", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (userName, password) => {
        const { stdin } = inputOf(rtsp({ userName, password }));
        const entry = /^ffconcat version 1\.0\nfile '([^'\n]*)'\noption [^\n]*\noption [^\n]*\n$/.exec(
          stdin,
        )?.[1];
        const url = new URL(entry ?? "");
        expect([url.hostname, url.username, url.password].map(decodeURIComponent)).toEqual([
          "cam",
          userName,
          password,
        ]);
      }),
    );
  });

  it.each([
    { what: "RTSP", input: rtsp(), allowed: "pipe,rtsp,rtp,tcp,tls" },
    { what: "a file", input: aFile, allowed: "file" },
    { what: "a device", input: usb, allowed: "file" },
  ])("let ffmpeg open for $what no more than $allowed", ({ input, allowed }) => {
    const { args } = inputOf(input);
    expect(args.slice(args.indexOf("-protocol_whitelist")).slice(0, 2)).toEqual([
      "-protocol_whitelist",
      allowed,
    ]);
    expect(args.indexOf("-protocol_whitelist")).toBeLessThan(args.indexOf("-i"));
  });

  it("ask for pictures with the time between them", () => {
    const { args } = framesCall(usb, frames, 12, "/out/.capture-1");
    expect(args).toContain("select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,0.001000000)");
    expect(args.join(" ")).toMatch(/-frames:v 12 .*-atomic_writing 1 file:\/out\/\.capture-1\/%06d\.jpg$/);
    expect(args.join(" ")).toContain(
      "-f v4l2 -input_format mjpeg -video_size 640x480 -framerate 5 -i /dev/video0",
    );
  });

  it("keep a camera's video as it is, and encode that of a device", () => {
    expect(videoCall(rtsp(), video, 99, "/o/v.mp4").args.join(" ")).toMatch(
      /-c:v copy -c:a aac -frames:v 9 -shortest -fs 99 -f mp4 file:\/o\/v\.mp4$/,
    );
    expect(videoCall(usb, video, 99, "/o/v.mp4").args.join(" ")).toContain("-c:v libx264");
  });
});

describe("what ffmpeg says", () => {
  it("is read for the frames that it wrote", () => {
    expect(framesOf("frame=1\nfps=2\nprogress=continue\nframe= 30\nprogress=end\n")).toBe(30);
    expect(framesOf("progress=end\n")).toBeUndefined();
  });

  it.each([
    [
      "[concat @ 0x1] Impossible to open 'rtsp://admin:wrong@cam/a'",
      "[concat @ 0x1] Impossible to open 'rtsp://cam/a'",
    ],
    ["a\npipe:0: Server returned 401 Unauthorized\n\n", "Server returned 401 Unauthorized"],
    ["", "it said nothing"],
    ["x".repeat(900), "x".repeat(200)],
  ])("is told short and without credentials: %p", (said, told) => {
    expect(reasonOf(said)).toBe(told);
  });
});
