// SPDX-License-Identifier: Apache-2.0
// What a property of type STREAM wants, read from `visitors.configData`. Pure.
import type { StreamProperty } from "@longshore/mapper";
import { SettingError, settingsOf, type Settings } from "../settings/index.ts";

export const FRAME_FORMATS = ["jpg", "jpeg", "png"] as const;
export const VIDEO_FORMATS = ["mp4", "mkv", "mov"] as const;
export type FrameFormat = (typeof FRAME_FORMATS)[number];
export type VideoFormat = (typeof VIDEO_FORMATS)[number];

/** Single pictures. */
export interface FramesPlan {
  readonly kind: "frames";
  readonly format: FrameFormat;
  readonly outputDir: string;
  readonly frameCount: number;
  /** The least time between two pictures. */
  readonly intervalMs: number;
}

/** Files of video, one after the other. */
export interface VideoPlan {
  readonly kind: "video";
  readonly format: VideoFormat;
  readonly outputDir: string;
  /** Frames of each file. */
  readonly frameCount: number;
  readonly videoNum: number;
  /** Encode anew instead of keeping what the camera sends. */
  readonly isEncoded: boolean;
}

export type StreamPlan = FramesPlan | VideoPlan;

const NS_PER_MS = 1_000_000;
const DAY_NS = 86_400_000 * NS_PER_MS;

/**
 * The action is the property's name, as at KubeEdge, or the key `action`.
 *
 * @throws {SettingError} naming the key that makes no sense
 */
export function streamPlanOf({ name, config }: StreamProperty): StreamPlan {
  const settings = settingsOf(config, name);
  const action = (settings.text("action") ?? name).toLowerCase();
  if (action === "saveframe") return framesOf(settings, outputDirOf(settings, name));
  if (action === "savevideo") return videoOf(settings, outputDirOf(settings, name));
  throw new SettingError(`${name}: name it saveFrame or saveVideo, or give one as action`);
}

function framesOf(settings: Settings, outputDir: string): FramesPlan {
  return {
    kind: "frames",
    format: settings.oneOf("format", FRAME_FORMATS, "jpg"),
    outputDir,
    frameCount: settings.integer("frameCount", { min: 1, max: 100_000, fallback: 1 }),
    // Nanoseconds, as at KubeEdge.
    intervalMs: settings.integer("frameInterval", { min: 0, max: DAY_NS, fallback: 0 }) / NS_PER_MS,
  };
}

function videoOf(settings: Settings, outputDir: string): VideoPlan {
  return {
    kind: "video",
    format: settings.oneOf("format", VIDEO_FORMATS, "mp4"),
    outputDir,
    frameCount: settings.integer("frameCount", { min: 1, max: 10_000_000, fallback: 1_000 }),
    videoNum: settings.integer("videoNum", { min: 1, max: 1_000, fallback: 1 }),
    isEncoded: settings.oneOf("videoCodec", ["copy", "h264"], "copy") === "h264",
  };
}

function outputDirOf(settings: Settings, name: string): string {
  const dir = settings.text("outputDir");
  if (dir === undefined) throw new SettingError(`${name}: outputDir is missing`);
  const isPlain = dir.startsWith("/") && !dir.includes("\0") && !dir.split("/").includes("..");
  if (!isPlain) throw new SettingError(`${name}: outputDir must be an absolute path without ..`);
  return dir;
}
