// SPDX-License-Identifier: Apache-2.0
// Where a camera's pictures come from, read from `protocol.configData`. Pure.
import type { ConfigData } from "@longshore/mapper";
import { SettingError, settingsOf, type Settings } from "../settings/index.ts";

/** Who the camera is asked as. The password is in a file or the environment, never in a Device. */
export interface Login {
  readonly userName: string;
  /** undefined: the environment has it */
  readonly passwordFile: string | undefined;
}

export interface RtspSource {
  readonly kind: "rtsp";
  /** Without credentials. */
  readonly url: string;
  readonly login: Login | undefined;
}

export interface OnvifSource {
  readonly kind: "onvif";
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Path of the device service. */
  readonly path: string;
  readonly login: Login | undefined;
  /** Token or name of a media profile; undefined: the camera's first. */
  readonly profile: string | undefined;
}

export interface V4l2Source {
  readonly kind: "v4l2";
  readonly device: string;
  /** `mjpeg`, `yuyv422`, …; undefined: the device's own choice */
  readonly inputFormat: string | undefined;
  /** `640x480` */
  readonly size: string | undefined;
  readonly framesPerSecond: number | undefined;
}

export interface FileSource {
  readonly kind: "file";
  readonly path: string;
}

export type Source = RtspSource | OnvifSource | V4l2Source | FileSource;

const DEVICE_FILE = /^\/dev\/(video\d{1,3}|v4l\/by-(id|path)\/[A-Za-z0-9][A-Za-z0-9._:+-]{0,200})$/;
const INPUT_FORMAT = /^[a-z0-9_]{1,32}$/;
const SIZE = /^\d{1,5}x\d{1,5}$/;
const BARE_ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(\/|$)/;
const ONVIF_PATH = "/onvif/device_service";

/** @throws {SettingError} naming the key that makes no sense */
export function sourceOf(config: ConfigData): Source {
  const settings = settingsOf(config, "device");
  const given = ["url", "host", "device"].filter((key) => settings.has(key));
  if (given.length !== 1) throw wrong("exactly one of url, host and device is needed");
  if (settings.has("device")) return v4l2Of(settings);
  if (settings.has("host")) return onvifOf(settings, onvifAddress(settings));
  return urlOf(settings, settings.text("url") ?? "");
}

const wrong = (why: string): SettingError => new SettingError(`device: ${why}`);

function urlOf(settings: Settings, given: string): Source {
  // KubeEdge's samples give an ONVIF camera as `192.168.168.64:80`.
  if (!given.includes("://") && BARE_ADDRESS.test(given)) return onvifOf(settings, parse(`http://${given}`));
  const url = parse(given);
  switch (url.protocol) {
    case "rtsp:":
    case "rtsps:":
      if (url.hostname === "") throw wrong("url has no host");
      return { kind: "rtsp", url: url.href, login: loginOf(settings) };
    case "http:":
    case "https:":
      return onvifOf(settings, url);
    case "file:":
      return { kind: "file", path: decodeURIComponent(url.pathname) };
    default:
      throw wrong("url must begin with rtsp, rtsps, http, https or file");
  }
}

function parse(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url) throw wrong("url is none");
  if (url.username !== "" || url.password !== "") {
    throw wrong("url holds credentials: give userName, and password as a file");
  }
  return url;
}

function onvifAddress(settings: Settings): URL {
  const host = settings.text("host") ?? "";
  if (!/^[A-Za-z0-9._:[\]-]+$/.test(host)) throw wrong("host is none");
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return parse(`http://${name}:${settings.integer("port", { min: 1, max: 65_535, fallback: 80 })}`);
}

function onvifOf(settings: Settings, url: URL): OnvifSource {
  const isTls = url.protocol === "https:";
  return {
    kind: "onvif",
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    isTls,
    path: url.pathname === "/" ? ONVIF_PATH : url.pathname,
    login: loginOf(settings),
    profile: settings.text("profile"),
  };
}

function loginOf(settings: Settings): Login | undefined {
  const userName = settings.text("userName");
  const passwordFile = settings.text("password");
  if (userName === undefined && passwordFile !== undefined) throw wrong("password without userName");
  if (passwordFile !== undefined && !passwordFile.startsWith("/")) {
    throw wrong("password must be the absolute path of a file");
  }
  return userName === undefined ? undefined : { userName, passwordFile };
}

function v4l2Of(settings: Settings): V4l2Source {
  const device = settings.text("device") ?? "";
  if (!DEVICE_FILE.test(device)) throw wrong("device must be /dev/videoN or below /dev/v4l");
  const { inputFormat, size } = { inputFormat: settings.text("inputFormat"), size: settings.text("size") };
  if (inputFormat !== undefined && !INPUT_FORMAT.test(inputFormat)) throw wrong("inputFormat is none");
  if (size !== undefined && !SIZE.test(size)) throw wrong("size must be WIDTHxHEIGHT");
  const framesPerSecond = settings.has("framesPerSecond")
    ? settings.integer("framesPerSecond", { min: 1, max: 240 })
    : undefined;
  return { kind: "v4l2", device, inputFormat, size, framesPerSecond };
}
