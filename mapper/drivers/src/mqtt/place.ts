// SPDX-License-Identifier: Apache-2.0
// protocol.configData: the broker of a device. Pure.
import { isIP } from "node:net";
import type { ConfigData } from "@longshore/mapper";
import { SettingError, settingsOf } from "../settings/index.ts";

/** A broker, and how we are called there. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** undefined: a name that is made up */
  readonly clientId: string | undefined;
}

const SCHEMES: Readonly<Record<string, { readonly isTls: boolean; readonly port: number }>> = {
  "mqtt:": { isTls: false, port: 1883 },
  "tcp:": { isTls: false, port: 1883 },
  "mqtts:": { isTls: true, port: 8883 },
  "ssl:": { isTls: true, port: 8883 },
  "tls:": { isTls: true, port: 8883 },
};
const HOST = /^(?!.*\.\.)[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9_])?$/;
/** What every broker must take (MQTT 3.1.1, section 3.1.3.1), and what is usual besides. */
const CLIENT_ID = /^[\w.:-]{1,128}$/;

/** @throws {SettingError} naming no part of the address: it may hold what must not be told */
export function placeOf(config: ConfigData): Place {
  const settings = settingsOf(config, "device");
  const clientId = settings.text("ClientID");
  if (clientId !== undefined && !CLIENT_ID.test(clientId)) {
    throw new SettingError("device: ClientID may have letters, digits and _ . : - only, 128 at most");
  }
  return { ...addressOf(settings.text("Broker")), clientId };
}

const wrong = (why: string): SettingError => new SettingError(`device: Broker ${why}`);

function addressOf(text: string | undefined): Pick<Place, "host" | "port" | "isTls"> {
  if (text === undefined) throw wrong("is missing");
  const whole = text.includes("://") ? text : `tcp://${text}`;
  if (!URL.canParse(whole)) throw wrong("is no address");
  const url = new URL(whole);
  const scheme = SCHEMES[url.protocol];
  if (!scheme) throw wrong("must begin with tcp://, mqtt://, mqtts://, ssl:// or tls://");
  refuseMore(url);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (isIP(host) === 0 && !HOST.test(host)) throw wrong("is no address");
  return { host, port: url.port === "" ? scheme.port : Number(url.port), isTls: scheme.isTls };
}

/** An address is a scheme, a host and a port. */
function refuseMore({ username, password, pathname, search, hash }: URL): void {
  if (username !== "" || password !== "") throw wrong("must not hold credentials: a file beside it does");
  if (!["", "/"].includes(pathname) || search !== "" || hash !== "") throw wrong("has no path");
}
