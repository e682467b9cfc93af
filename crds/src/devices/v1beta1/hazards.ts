// SPDX-License-Identifier: Apache-2.0
import { isSubdomain } from "../../stream/validate-fields.ts";
import type { RuleViolation } from "./rules.ts";
import { inlineSecrets } from "./secrets.ts";
import type { DeviceModelSpec, DeviceProperty, DeviceSpec } from "./types.gen.ts";

/** Properties of one Device or DeviceModel. */
const MAX_PROPERTIES = 1_000;
/** Periods of reading and reporting: 10 ms to 24 h. */
const CYCLE_MS = { min: 10, max: 24 * 60 * 60 * 1_000 };

/** Levels of a protocol's free-form settings. */
const MAX_DEPTH = 32;
/** Bytes of one free-form settings object. */
const MAX_CONFIG_BYTES = 256 * 1024;
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);
/** Link-local: where clouds keep the credentials of a machine. */
const LINK_LOCAL = /^(?:169\.254\.\d{1,3}\.\d{1,3}|\[?fe[89ab][0-9a-f]:.*)$/i;

/**
 * What a Device may hold by KubeEdge's rules and should not: a node that cannot be, more or faster than a node can
 * bear, secrets, and destinations and settings that turn an edge node against itself. Whether they are refused or
 * warned of is the caller's choice.
 */
export function deviceHazards(spec: DeviceSpec): RuleViolation[] {
  return [
    ...nodeNameHazards(spec.nodeName),
    ...tooManyProperties(spec.properties),
    ...cycleHazards("spec.stateReport", { reportCycle: spec.stateReport?.reportCycle }),
    ...settingsHazards("spec.protocol.configData", spec.protocol?.configData),
    ...(spec.properties ?? []).flatMap((property, index) =>
      propertyHazards(`spec.properties[${index}]`, property),
    ),
  ];
}

/** The same of a DeviceModel, whose settings become those of its devices. */
export function modelHazards(spec: DeviceModelSpec): RuleViolation[] {
  return [
    ...tooManyProperties(spec.properties),
    ...settingsHazards("spec.protocolConfigData", spec.protocolConfigData),
    ...(spec.properties ?? []).flatMap(({ visitors }, index) =>
      settingsHazards(`spec.properties[${index}].visitors.configData`, visitors?.configData),
    ),
  ];
}

/** Without a name the device is on no node yet. */
function nodeNameHazards(nodeName = ""): RuleViolation[] {
  if (nodeName === "" || isSubdomain(nodeName)) return [];
  const message = "no Node can have this name: small letters, digits, - and . of at most 253 characters";
  return [{ field: "spec.nodeName", message }];
}

function tooManyProperties(properties: readonly unknown[] = []): RuleViolation[] {
  return properties.length > MAX_PROPERTIES
    ? [{ field: "spec.properties", message: `${properties.length} are over ${MAX_PROPERTIES}` }]
    : [];
}

function cycleHazards(at: string, cycles: Readonly<Record<string, number | undefined>>): RuleViolation[] {
  return Object.entries(cycles).flatMap(([name, cycleMs]) =>
    cycleMs === undefined || (cycleMs >= CYCLE_MS.min && cycleMs <= CYCLE_MS.max)
      ? []
      : [
          {
            field: `${at}.${name}`,
            message: `${cycleMs} is not within ${CYCLE_MS.min} to ${CYCLE_MS.max} milliseconds (24 h)`,
          },
        ],
  );
}

function propertyHazards(at: string, property: DeviceProperty): RuleViolation[] {
  const { collectCycle, reportCycle, desired, visitors, pushMethod } = property;
  return [
    ...cycleHazards(at, { collectCycle, reportCycle }),
    ...configHazards(`${at}.desired.metadata`, desired?.metadata),
    ...settingsHazards(`${at}.visitors.configData`, visitors?.configData),
    ...settingsHazards(`${at}.pushMethod`, pushMethod),
    ...destinationHazards(`${at}.pushMethod`, pushMethod),
  ];
}

function destinationHazards(at: string, pushMethod: DeviceProperty["pushMethod"]): RuleViolation[] {
  const host = pushMethod?.http?.hostName ?? "";
  const topic = pushMethod?.mqtt?.topic ?? "";
  return [
    ...(LINK_LOCAL.test(hostOf(host))
      ? [{ field: `${at}.http.hostName`, message: "a link-local address is no place to push to" }]
      : []),
    ...(isWildcard(topic)
      ? [{ field: `${at}.mqtt.topic`, message: "values are pushed to one topic: no +, # or $" }]
      : []),
  ];
}

/** `http://host:port/path`, `host:port` or `host`. */
const hostOf = (address: string): string =>
  (address.replace(/^[a-z]{1,10}:\/\//i, "").split("/")[0] ?? "").replace(/^([^:[\]]*):\d+$/, "$1");

const isWildcard = (topic: string): boolean =>
  topic.includes("+") || topic.includes("#") || topic.startsWith("$");

/** Settings that no schema describes, and what they hold that others must not read. */
const settingsHazards = (field: string, settings: unknown): RuleViolation[] => [
  ...configHazards(field, settings),
  ...inlineSecrets(field, settings),
];

function configHazards(field: string, config: unknown): RuleViolation[] {
  if (config === undefined) return [];
  const fault = faultIn(config, 1);
  if (fault !== undefined) return [{ field, message: fault }];
  return Buffer.byteLength(JSON.stringify(config)) > MAX_CONFIG_BYTES
    ? [{ field, message: `is over ${MAX_CONFIG_BYTES} bytes`, code: 413 }]
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
