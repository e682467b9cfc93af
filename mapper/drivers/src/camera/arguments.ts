// SPDX-License-Identifier: Apache-2.0
// What ffmpeg is called with. Pure. No word of a Device becomes an option: addresses and paths stand behind `-i` or
// in the list, the rest are numbers and words of our own.
import type { FileSource, V4l2Source } from "./source.ts";
import type { FramesPlan, VideoPlan } from "./stream.ts";

/** What ffmpeg reads: a stream with its credentials, a device, a file. */
export type Input = RtspInput | V4l2Source | FileSource;

export interface RtspInput {
  readonly kind: "rtsp";
  readonly url: string;
  readonly auth: Auth | undefined;
  /** How long the camera may send nothing. */
  readonly stallMs: number;
}

export interface Auth {
  readonly userName: string;
  readonly password: string;
}

/** Arguments, and what is written to ffmpeg's standard input. */
export interface Call {
  readonly args: readonly string[];
  readonly stdin: string;
}

const ALWAYS = ["-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-progress", "pipe:1"];

/**
 * The input. Arguments of a process can be read by every user of the machine, so an RTSP address, which holds the
 * password, goes as a list of one entry through a pipe. ffmpeg may open no other protocol than the source needs.
 */
export function inputOf(input: Input): Call {
  switch (input.kind) {
    case "rtsp":
      return {
        args: ["-protocol_whitelist", "pipe,rtsp,rtp,tcp,tls", "-f", "concat", "-safe", "0", "-i", "pipe:0"],
        stdin: playlistOf(input),
      };
    case "v4l2":
      return {
        args: ["-protocol_whitelist", "file", "-f", "v4l2", ...v4l2Options(input), "-i", input.device],
        stdin: "",
      };
    case "file":
      // A file stands for a camera: it never ends.
      return {
        args: ["-protocol_whitelist", "file", "-stream_loop", "-1", "-i", `file:${input.path}`],
        stdin: "",
      };
  }
}

function v4l2Options({ inputFormat, size, framesPerSecond }: V4l2Source): string[] {
  return [
    ...(inputFormat === undefined ? [] : ["-input_format", inputFormat]),
    ...(size === undefined ? [] : ["-video_size", size]),
    ...(framesPerSecond === undefined ? [] : ["-framerate", String(framesPerSecond)]),
  ];
}

function playlistOf({ url: address, auth, stallMs }: RtspInput): string {
  const url = new URL(address);
  if (auth) {
    url.username = encodeURIComponent(auth.userName);
    url.password = encodeURIComponent(auth.password);
  }
  // Inside quotes of the list only a quote has a meaning; a URL has neither newlines nor control characters.
  const entry = url.href.replaceAll("'", "%27");
  return [
    "ffconcat version 1.0",
    `file '${entry}'`,
    "option rtsp_transport tcp",
    `option timeout ${Math.round(stallMs * 1_000)}`,
    "",
  ].join("\n");
}

/** Pictures `000001.jpg`, … in `folder`, each there only when it is whole. */
export function framesCall(input: Input, plan: FramesPlan, frames: number, folder: string): Call {
  const { args, stdin } = inputOf(input);
  // A frame of the same time as the last is no other one, and the encoder refuses it: hence its fine clock, too.
  const seconds = Math.max(plan.intervalMs / 1_000, 0.000_02).toFixed(9);
  return {
    stdin,
    args: [
      ...ALWAYS,
      ...args,
      ...["-map", "0:v:0", "-an"],
      ...["-vf", `select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,${seconds})`],
      ...["-vsync", "0", "-enc_time_base", "1:90000", "-frames:v", String(frames)],
      ...(plan.format === "png" ? ["-c:v", "png"] : ["-c:v", "mjpeg", "-q:v", "2"]),
      ...["-f", "image2", "-atomic_writing", "1", `file:${folder}/%06d.${plan.format}`],
    ],
  };
}

const MUXERS = { mp4: "mp4", mkv: "matroska", mov: "mov" } as const;

/** One file of video, of `maxBytes` at most. A camera's G.711 sound fits into no mp4, so sound is encoded anew. */
export function videoCall(input: Input, plan: VideoPlan, maxBytes: number, path: string): Call {
  const { args, stdin } = inputOf(input);
  const encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
  const isEncoded = plan.isEncoded || input.kind === "v4l2";
  return {
    stdin,
    args: [
      ...ALWAYS,
      ...args,
      ...["-map", "0:v:0", "-map", "0:a:0?"],
      ...(isEncoded ? encode : ["-c:v", "copy"]),
      ...["-c:a", "aac", "-frames:v", String(plan.frameCount), "-shortest"],
      ...["-fs", String(maxBytes), "-f", MUXERS[plan.format], `file:${path}`],
    ],
  };
}
