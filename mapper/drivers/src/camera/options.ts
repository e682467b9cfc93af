// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_SECRET_FOLDERS } from "../files/index.ts";

/** Limits, folders and times of the camera mapper. */
export interface CameraOptions {
  /** Devices whose `spec.protocol.protocolName` is this one. Default `onvif`, as at KubeEdge. */
  readonly protocol: string;
  /** Folders below which pictures may be put. Default `/tmp/case`, of KubeEdge's sample. */
  readonly outputFolders: readonly string[];
  /** Folders of files that may stand for a camera. Default none. */
  readonly sourceFolders: readonly string[];
  readonly secretFolders: readonly string[];
  /** A password for logins without a file. */
  readonly password: string | undefined;
  /** Files below one output folder. Default 10,000. */
  readonly maxFiles: number;
  /** Bytes below one output folder. Default 1 GiB. */
  readonly maxBytes: number;
  /** ffmpegs at the same time; other streams wait. Default 4. */
  readonly maxCaptures: number;
  readonly ffmpeg: string;
  /** Between SIGTERM and SIGKILL of ffmpeg. Default 500 ms, less than the SDK gives a stream to end. */
  readonly killGraceMs: number;
  /** How long a camera may send no picture before its stream has failed. Default 10 s. */
  readonly stallMs: number;
  /** Finished pictures get their names this often. Default 200 ms. */
  readonly lookMs: number;
  /** Deadline of one question to a camera. Default 4 s. */
  readonly askTimeoutMs: number;
  /** The most that a camera may answer by ONVIF. Default 256 KiB. */
  readonly maxAnswerBytes: number;
}

export const DEFAULT_CAMERA_OPTIONS: CameraOptions = {
  protocol: "onvif",
  outputFolders: ["/tmp/case"],
  sourceFolders: [],
  secretFolders: DEFAULT_SECRET_FOLDERS,
  password: undefined,
  maxFiles: 10_000,
  maxBytes: 1024 ** 3,
  maxCaptures: 4,
  ffmpeg: "ffmpeg",
  killGraceMs: 500,
  stallMs: 10_000,
  lookMs: 200,
  askTimeoutMs: 4_000,
  maxAnswerBytes: 256 * 1024,
};

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads `CAMERA_PROTOCOL`, `CAMERA_PASSWORD`, `CAMERA_FFMPEG`, `CAMERA_MAX_FILES`, `CAMERA_MAX_BYTES`,
 * `CAMERA_MAX_CAPTURES`, and lists with commas: `CAMERA_OUTPUT_FOLDERS`, `CAMERA_SOURCE_FOLDERS`,
 * `CAMERA_SECRET_FOLDERS`.
 *
 * @throws {RangeError} naming the variable that makes no sense
 */
export function cameraOptionsOf(env: Env): CameraOptions {
  const base = DEFAULT_CAMERA_OPTIONS;
  return {
    ...base,
    protocol: env["CAMERA_PROTOCOL"] ?? base.protocol,
    outputFolders: foldersOf(env, "CAMERA_OUTPUT_FOLDERS") ?? base.outputFolders,
    sourceFolders: foldersOf(env, "CAMERA_SOURCE_FOLDERS") ?? base.sourceFolders,
    secretFolders: foldersOf(env, "CAMERA_SECRET_FOLDERS") ?? base.secretFolders,
    password: env["CAMERA_PASSWORD"],
    maxFiles: countOf(env, "CAMERA_MAX_FILES", base.maxFiles),
    maxBytes: countOf(env, "CAMERA_MAX_BYTES", base.maxBytes),
    maxCaptures: countOf(env, "CAMERA_MAX_CAPTURES", base.maxCaptures),
    ffmpeg: env["CAMERA_FFMPEG"] ?? base.ffmpeg,
  };
}

function foldersOf(env: Env, name: string): readonly string[] | undefined {
  const folders = env[name]
    ?.split(",")
    .map((folder) => folder.trim())
    .filter((folder) => folder !== "");
  if (folders?.some((folder) => !folder.startsWith("/")))
    throw new RangeError(`${name}: absolute paths only`);
  return folders;
}

function countOf(env: Env, name: string, fallback: number): number {
  const given = env[name];
  if (given === undefined) return fallback;
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`${name} must be a positive whole number`);
  return value;
}
