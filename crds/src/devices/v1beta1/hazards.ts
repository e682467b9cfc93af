// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "./rules.ts";
import type { DeviceProperty, DeviceSpec } from "./types.gen.ts";

/** Levels of a protocol's free-form settings. */
const MAX_DEPTH = 32;
/** Bytes of one free-form settings object. */
const MAX_CONFIG_BYTES = 256 * 1024;
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);
/** Link-local: where clouds keep the credentials of a machine. */
const LINK_LOCAL = /^(?:169\.254\.\d{1,3}\.\d{1,3}|\[?fe[89ab][0-9a-f]:.*)$/i;

/**
 * What a Device may hold by KubeEdge's rules and should not: destinations and settings that turn an edge node
 * against itself. Whether they are refused or warned of is the caller's choice.
 */
export function deviceHazards(spec: DeviceSpec): RuleViolation[] {
  return [
    ...configHazards("spec.protocol.configData", spec.protocol?.configData),
    ...(spec.properties ?? []).flatMap((property, index) =>
      propertyHazards(`spec.properties[${index}]`, property),
    ),
  ];
}

function propertyHazards(at: string, { visitors, pushMethod }: DeviceProperty): RuleViolation[] {
  const host = pushMethod?.http?.hostName ?? "";
  const topic = pushMethod?.mqtt?.topic ?? "";
  return [
    ...configHazards(`${at}.visitors.configData`, visitors?.configData),
    ...(LINK_LOCAL.test(hostOf(host))
      ? [{ field: `${at}.pushMethod.http.hostName`, message: "a link-local address is no place to push to" }]
      : []),
    ...(isWildcard(topic)
      ? [{ field: `${at}.pushMethod.mqtt.topic`, message: "values are pushed to one topic: no +, # or $" }]
      : []),
  ];
}

/** `http://host:port/path`, `host:port` or `host`. */
const hostOf = (address: string): string =>
  (address.replace(/^[a-z]{1,10}:\/\//i, "").split("/")[0] ?? "").replace(/^([^:[\]]*):\d+$/, "$1");

const isWildcard = (topic: string): boolean =>
  topic.includes("+") || topic.includes("#") || topic.startsWith("$");

function configHazards(field: string, config: unknown): RuleViolation[] {
  if (config === undefined) return [];
  const fault = faultIn(config, 1);
  if (fault !== undefined) return [{ field, message: fault }];
  return Buffer.byteLength(JSON.stringify(config)) > MAX_CONFIG_BYTES
    ? [{ field, message: `is over ${MAX_CONFIG_BYTES} bytes` }]
    : [];
}

function faultIn(value: unknown, depth: number): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > MAX_DEPTH) return `is nested over ${MAX_DEPTH} levels`;
  for (const [key, inner] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key)) return `has a key ${key}`;
    const fault = faultIn(inner, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
