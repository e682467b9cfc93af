// SPDX-License-Identifier: Apache-2.0
// How a server is reached and which node a property is, read from configData. Pure.
import type { ConfigData, Property } from "@longshore/mapper";
import { SettingError, settingsOf, type Settings } from "../settings/index.ts";

export const SECURITY_POLICIES = [
  "None",
  "Basic128Rsa15",
  "Basic256",
  "Basic256Sha256",
  "Aes128_Sha256_RsaOaep",
  "Aes256_Sha256_RsaPss",
] as const;
export type SecurityPolicyName = (typeof SECURITY_POLICIES)[number];

export const SECURITY_MODES = ["None", "Sign", "SignAndEncrypt"] as const;
export type SecurityModeName = (typeof SECURITY_MODES)[number];

/** One server and how a session with it is made. Devices whose targets are equal share one session. */
export interface Target {
  readonly url: string;
  readonly userName: string | undefined;
  /** undefined: the environment has the password */
  readonly passwordFile: string | undefined;
  readonly policy: SecurityPolicyName;
  readonly mode: SecurityModeName;
  /** Own certificate and its key; undefined: the mapper's own. */
  readonly certificateFile: string | undefined;
  readonly privateKeyFile: string | undefined;
  /** The only certificate that the server may have; undefined: a trusted one. */
  readonly serverCertificateFile: string | undefined;
  /** undefined: the mapper's default */
  readonly timeoutMs: number | undefined;
}

/** @throws {SettingError} naming the key that makes no sense */
export function targetOf(config: ConfigData): Target {
  const settings = settingsOf(config, "device");
  const { policy, mode } = securityOf(settings);
  const target = {
    url: urlOf(settings),
    userName: settings.text("userName"),
    passwordFile: fileOf(settings, "password"),
    policy,
    mode,
    certificateFile: fileOf(settings, "certificate"),
    privateKeyFile: fileOf(settings, "privateKey"),
    serverCertificateFile: fileOf(settings, "remoteCertificate"),
    timeoutMs: timeoutOf(settings),
  };
  if (target.userName === undefined && target.passwordFile !== undefined)
    throw wrong("password without userName");
  if ((target.certificateFile === undefined) !== (target.privateKeyFile === undefined)) {
    throw wrong("certificate and privateKey belong together");
  }
  return target;
}

const wrong = (why: string): SettingError => new SettingError(`device: ${why}`);

function urlOf(settings: Settings): string {
  const given = settings.text("url");
  const url = given !== undefined && URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol !== "opc.tcp:" || url.hostname === "")
    throw wrong("url must be opc.tcp://host:port/path");
  if (url.username !== "" || url.password !== "") {
    throw wrong("url holds credentials: give userName, and password as a file");
  }
  return given ?? "";
}

/** KubeEdge writes `Aes128Sha256RsaOaep`, the standard `Aes128_Sha256_RsaOaep`: both are read. */
function securityOf(settings: Settings): { policy: SecurityPolicyName; mode: SecurityModeName } {
  const said = settings.text("securityPolicy")?.replaceAll("_", "").toLowerCase() ?? "none";
  const policy = SECURITY_POLICIES.find((name) => name.replaceAll("_", "").toLowerCase() === said);
  if (policy === undefined) throw wrong(`securityPolicy must be one of ${SECURITY_POLICIES.join(", ")}`);
  const mode = settings.oneOf("securityMode", SECURITY_MODES, policy === "None" ? "None" : "SignAndEncrypt");
  if ((policy === "None") !== (mode === "None"))
    throw wrong("securityPolicy and securityMode contradict each other");
  return { policy, mode };
}

function fileOf(settings: Settings, key: string): string | undefined {
  const path = settings.text(key);
  if (path !== undefined && !path.startsWith("/")) throw wrong(`${key} must be the absolute path of a file`);
  return path;
}

/** Seconds, as at KubeEdge. */
function timeoutOf(settings: Settings): number | undefined {
  if (!settings.has("timeout")) return undefined;
  const seconds = settings.integer("timeout", { min: 0, max: 60 });
  return seconds === 0 ? undefined : seconds * 1_000;
}

const GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
const NODE_ID = new RegExp(`^(ns=(\\d{1,5});)?(i=\\d{1,10}|s=.{1,4096}|g=${GUID}|b=[A-Za-z0-9+/=]{1,4096})$`);

/**
 * The node of a property, as `ns=2;s=…`. KubeEdge's comment writes `ns=1,i=1005`: a comma is read too. `browseName` is
 * for people alone.
 *
 * @throws {SettingError}
 */
export function nodeIdOf({ name, config }: Pick<Property, "name" | "config">): string {
  const given = settingsOf(config, name).text("nodeID");
  if (given === undefined) throw new SettingError(`${name}: nodeID is missing`);
  const nodeId = given.replace(/^(ns=\d+),/, "$1;");
  if (!NODE_ID.test(nodeId))
    throw new SettingError(`${name}: nodeID must look like ns=2;s=name or ns=2;i=1005`);
  return nodeId;
}
