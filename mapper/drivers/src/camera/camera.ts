// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import type { Device } from "@longshore/mapper";
import { isInside, readPasswordFile } from "../files/index.ts";
import type { Auth, Input } from "./arguments.ts";
import { CameraError } from "./errors.ts";
import { connectOnvif, type CameraInformation, type OnvifCamera } from "./onvif.ts";
import type { CameraOptions } from "./options.ts";
import { askRtsp } from "./rtsp.ts";
import { sourceOf, type FileSource, type Login, type OnvifSource, type Source } from "./source.ts";

/** One camera: where its pictures come from, and whether it is there. */
export interface Camera {
  /** @throws {CameraError} when the camera does not answer */
  check(signal: AbortSignal): Promise<void>;
  /** What ffmpeg is to read; with credentials. */
  input(signal: AbortSignal): Promise<Input>;
  /** Address of the pictures, without credentials. */
  address(signal: AbortSignal): Promise<string>;
  /** @throws {CameraError} REFUSED when the camera speaks no ONVIF */
  information(signal: AbortSignal): Promise<CameraInformation>;
  close(): void;
}

/**
 * Reads how a device is reached, and asks whether it is there.
 *
 * @throws {SettingError} when its configuration makes no sense
 * @throws {CameraError | SecretError}
 */
export async function openCamera(
  device: Pick<Device, "config">,
  options: CameraOptions,
  signal: AbortSignal,
): Promise<Camera> {
  const camera = await cameraOf(sourceOf(device.config), options, signal);
  await camera.check(signal);
  return camera;
}

async function cameraOf(source: Source, options: CameraOptions, signal: AbortSignal): Promise<Camera> {
  switch (source.kind) {
    case "rtsp":
      return rtspCamera(source.url, source.login, options);
    case "onvif":
      return onvifCamera(source, options, signal);
    case "v4l2":
      return localCamera(source.device, source, () => checkDevice(source.device));
    case "file":
      return fileCamera(source, options);
  }
}

const noInformation = (): Promise<never> =>
  Promise.reject(new CameraError("REFUSED", "only a camera that is reached by ONVIF tells that"));

function rtspCamera(url: string, login: Login | undefined, options: CameraOptions): Camera {
  return {
    check: (signal) => askRtsp(url, AbortSignal.any([signal, AbortSignal.timeout(options.askTimeoutMs)])),
    input: async () => ({ kind: "rtsp", url, auth: await authOf(login, options), stallMs: options.stallMs }),
    address: () => Promise.resolve(url),
    information: noInformation,
    close: () => undefined,
  };
}

async function onvifCamera(
  source: OnvifSource,
  options: CameraOptions,
  signal: AbortSignal,
): Promise<Camera> {
  const auth = await authOf(source.login, options);
  const limits = { timeoutMs: options.askTimeoutMs, maxAnswerBytes: options.maxAnswerBytes };
  const onvif: OnvifCamera = await connectOnvif(source, auth, limits, signal);
  return {
    check: async (abort) => {
      await onvif.information(abort);
    },
    input: async (abort) => ({
      kind: "rtsp",
      url: await onvif.streamUrl(abort),
      auth,
      stallMs: options.stallMs,
    }),
    address: (abort) => onvif.streamUrl(abort),
    information: (abort) => onvif.information(abort),
    close: () => onvif.close(),
  };
}

/** Credentials are read anew each time, so that changed ones are taken. */
async function authOf(login: Login | undefined, options: CameraOptions): Promise<Auth | undefined> {
  if (!login) return undefined;
  const { userName, passwordFile } = login;
  const password =
    passwordFile === undefined
      ? options.password
      : await readPasswordFile(passwordFile, options.secretFolders);
  return { userName, password: password ?? "" };
}

function localCamera(path: string, input: Input, check: () => Promise<void>): Camera {
  return {
    check,
    input: () => Promise.resolve(input),
    address: () => Promise.resolve(path),
    information: noInformation,
    close: () => undefined,
  };
}

async function checkDevice(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isCharacterDevice()) throw new CameraError("UNREACHABLE", `${path} is not there`);
  await access(path, constants.R_OK | constants.W_OK).catch((cause: unknown) => {
    throw new CameraError("NOT_ALLOWED", `${path} may not be used by this mapper`, { cause });
  });
}

async function fileCamera({ path }: FileSource, { sourceFolders }: CameraOptions): Promise<Camera> {
  const real = await realFile(path);
  const roots = await Promise.all(sourceFolders.map((folder) => realpath(folder).catch(() => undefined)));
  if (!roots.some((root) => root !== undefined && isInside(root, real))) {
    throw new CameraError("NOT_ALLOWED", `${path} is in no folder of files that may stand for a camera`);
  }
  return localCamera(path, { kind: "file", path: real }, async () => {
    await realFile(path);
  });
}

async function realFile(path: string): Promise<string> {
  return realpath(path).catch((cause: unknown) => {
    throw new CameraError("UNREACHABLE", `${path} is not there`, { cause });
  });
}
