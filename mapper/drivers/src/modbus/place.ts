// SPDX-License-Identifier: Apache-2.0
// protocol.configData: the line that a slave is on, and its number there. Pure.
import { isIP } from "node:net";
import type { ConfigData } from "@longshore/mapper";
import { SettingError, settingsOf, type Settings } from "../settings/index.ts";

export interface TcpLine {
  readonly kind: "tcp";
  readonly host: string;
  readonly port: number;
}

export const PARITIES = ["none", "even", "odd"] as const;

/** How characters go over a serial line: the same for all slaves on it. */
export interface SerialLine {
  readonly kind: "rtu";
  /** As the user wrote it; see `resolveSerialPort`. */
  readonly path: string;
  readonly baudRate: number;
  readonly dataBits: 7 | 8;
  readonly parity: (typeof PARITIES)[number];
  readonly stopBits: 1 | 2;
}

export type Line = TcpLine | SerialLine;

/** One slave. */
export interface Place {
  readonly line: Line;
  readonly unit: number;
  /** undefined: the mapper's own */
  readonly timeoutMs: number | undefined;
}

const MAX_BAUD = 4_000_000;
const MAX_TIMEOUT_MS = 60_000;
const HOST = /^(?!.*\.\.)[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

/** @throws {SettingError} */
export function placeOf(config: ConfigData): Place {
  const settings = settingsOf(config, "device");
  const line = lineOf(settings);
  const [min, max] = line.kind === "tcp" ? [0, 255] : [1, 247];
  return {
    line,
    unit: settings.integer("SlaveID", { min, max, fallback: 1 }),
    timeoutMs: settings.has("TimeoutMs")
      ? settings.integer("TimeoutMs", { min: 10, max: MAX_TIMEOUT_MS })
      : undefined,
  };
}

function lineOf(settings: Settings): Line {
  const [host, path] = [settings.text("IP"), settings.text("SerialPort")];
  if (host !== undefined && path !== undefined) {
    throw new SettingError("device: IP and SerialPort exclude each other");
  }
  if (path !== undefined) return serialLine(path, settings);
  if (host === undefined) throw new SettingError("device: IP or SerialPort is missing");
  if (isIP(host) === 0 && !HOST.test(host)) throw new SettingError("device: IP is neither address nor name");
  return { kind: "tcp", host, port: settings.integer("Port", { min: 1, max: 65_535, fallback: 502 }) };
}

const serialLine = (path: string, settings: Settings): SerialLine => ({
  kind: "rtu",
  path,
  baudRate: settings.integer("BaudRate", { min: 50, max: MAX_BAUD, fallback: 9600 }),
  dataBits: settings.integer("DataBits", { min: 7, max: 8, fallback: 8 }) === 7 ? 7 : 8,
  parity: settings.oneOf("Parity", PARITIES, "none"),
  stopBits: settings.integer("StopBits", { min: 1, max: 2, fallback: 1 }) === 2 ? 2 : 1,
});
