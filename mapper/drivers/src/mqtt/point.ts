// SPDX-License-Identifier: Apache-2.0
// visitors.configData: where a property's value comes from, and where commands go. Pure.
import type { Property, PropertyType } from "@longshore/mapper";
import { SettingError, settingsOf, type Settings } from "../settings/index.ts";

export type Qos = 0 | 1 | 2;

/** One property of a device that speaks MQTT. */
export interface Point {
  readonly type: PropertyType;
  /** undefined: it is only set */
  readonly topic: string | undefined;
  /** Keys that lead into a JSON message; undefined: the message is the value. */
  readonly path: readonly string[] | undefined;
  readonly commandTopic: string | undefined;
  readonly commandPath: readonly string[] | undefined;
  readonly qos: Qos;
  readonly isRetained: boolean;
  /** A message that is older is no value; 0: none is too old. */
  readonly maxAgeMs: number;
  /** How a BOOLEAN is said. */
  readonly words: { readonly yes: string; readonly no: string };
}

const MAX_TOPIC_BYTES = 65_535;
const MAX_PATH_KEYS = 32;
const MAX_AGE_MS = 31 * 86_400_000;

/** @throws {SettingError} naming the property and the setting */
export function pointOf({ name, type, config }: Pick<Property, "name" | "type" | "config">): Point {
  const settings = settingsOf(config, name);
  const [topic, commandTopic] = [topicOf(settings, "Topic", name), topicOf(settings, "CommandTopic", name)];
  if (topic === undefined && commandTopic === undefined) {
    throw new SettingError(`${name}: Topic or CommandTopic is missing`);
  }
  return {
    type,
    topic,
    path: pathOf(settings, "Path", name),
    commandTopic,
    commandPath: pathOf(settings, "CommandPath", name),
    qos: settings.integer("QoS", { min: 0, max: 2, fallback: 0 }) as Qos,
    isRetained: settings.flag("Retain", false),
    maxAgeMs: settings.integer("MaxAgeMs", { min: 0, max: MAX_AGE_MS, fallback: 0 }),
    words: { yes: settings.text("True") ?? "true", no: settings.text("False") ?? "false" },
  };
}

function topicOf(settings: Settings, key: string, name: string): string | undefined {
  const topic = settings.text(key);
  if (topic === undefined) return undefined;
  // One property has one topic: with a wildcard it would be many things in turn.
  if (/[+#\p{Cc}]/u.test(topic)) throw new SettingError(`${name}: ${key} must be one topic, without + and #`);
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) throw new SettingError(`${name}: ${key} is too long`);
  return topic;
}

/** `sensors[0].value` is sensors, 0, value. */
function pathOf(settings: Settings, key: string, name: string): readonly string[] | undefined {
  const text = settings.text(key);
  if (text === undefined) return undefined;
  const keys = text.replaceAll(/\[(\d+)\]/g, ".$1").split(".");
  if (keys.includes("") || keys.length > MAX_PATH_KEYS) {
    throw new SettingError(`${name}: ${key} must be keys with dots between, ${MAX_PATH_KEYS} at most`);
  }
  return keys;
}
