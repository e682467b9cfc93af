// SPDX-License-Identifier: Apache-2.0

/** What a topic asks for. */
export type Route =
  | { readonly kind: "twin/update" | "twin/get" | "state/update"; readonly device: string }
  | { readonly kind: "membership/get"; readonly node: string }
  | { readonly kind: "upload" }
  | { readonly kind: "none" };

/** Why a topic is none that anybody may publish to. */
export type TopicFault = "wildcard" | "system" | "encoding" | "levels" | "length";

/** KubeEdge's own, with QoS 1; rows of `sub_topics` come beside. */
export const SUBSCRIBED = [
  "$hw/events/upload/#",
  "$hw/events/device/+/+/state/update",
  "$hw/events/device/+/+/twin/+",
  "$hw/events/node/+/membership/get",
  "SYS/dis/upload_records",
  "+/user/#",
] as const;

/** Where the agent itself tells of uploads that it had to drop; nobody else may publish there. */
export const GAP_TOPIC = "$hw/events/upload/longshore/gap";

/** Levels of a topic; KubeEdge's own have seven at most, and the own broker's matcher gives up at a hundred. */
export const MAX_LEVELS = 32;
/** Characters: a resource of the tunnel has no more. */
export const MAX_TOPIC_CHARS = 1_024;

const UPLOADS = ["$hw/events/upload/#", "SYS/dis/upload_records", "+/user/#"];
/** Namespaces and names as Kubernetes makes them. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
// What a decoder puts where bytes are no UTF-8, and what MQTT forbids or may refuse in a topic.
const UNFIT = /[\p{Cc}\ufffd\ufffe\uffff]/u;

const levelsOf = (topic: string): number => topic.split("/").length;

/** Undefined where the topic is fit to be published to. */
export function topicFault(topic: string): TopicFault | undefined {
  if (topic.length === 0 || topic.length > MAX_TOPIC_CHARS) return "length";
  if (UNFIT.test(topic)) return "encoding";
  if (/[+#]/.test(topic)) return "wildcard";
  if (topic.startsWith("$SYS/") || topic === "$SYS") return "system";
  return levelsOf(topic) > MAX_LEVELS ? "levels" : undefined;
}

/** Undefined where the text is a filter that one may subscribe to. */
export function filterFault(filter: string): TopicFault | undefined {
  if (filter.length === 0 || filter.length > MAX_TOPIC_CHARS) return "length";
  if (UNFIT.test(filter)) return "encoding";
  const levels = filter.split("/");
  if (levels.length > MAX_LEVELS) return "levels";
  if (levels[0] === "$SYS") return "system";
  const isWhole = (level: string, i: number): boolean =>
    level === "+" || (level === "#" && i === levels.length - 1) || !/[+#]/.test(level);
  return levels.every(isWhole) ? undefined : "wildcard";
}

/** A filter of MQTT against a topic, or against a filter that must be no wider; `a/#` takes `a` as well. */
function matchLevels(filter: readonly string[], topic: readonly string[]): boolean {
  for (const [i, level] of filter.entries()) {
    if (level === "#") return true;
    const other = topic[i];
    if (other === undefined || other === "#") return false;
    if (level !== "+" && level !== other) return false;
  }
  return filter.length === topic.length;
}

/** Wildcards at the start do not reach topics that begin with `$`. */
const startsApart = (filter: string, topic: string): boolean => /^[+#]/.test(filter) && topic.startsWith("$");

/** Whether a message on this topic goes to a subscriber of this filter. */
export const matches = (filter: string, topic: string): boolean =>
  !startsApart(filter, topic) && matchLevels(filter.split("/"), topic.split("/"));

/** Whether everything that `asked` can bring is within `granted`. */
export const covers = (granted: string, asked: string): boolean =>
  granted === asked || (!startsApart(granted, asked) && matchLevels(granted.split("/"), asked.split("/")));

/** @param extra filters of `sub_topics` */
export function routeOf(topic: string, extra: readonly string[] = []): Route {
  const levels = topic.split("/");
  if (levels[0] === "$hw" && levels[1] === "events") {
    const known = deviceRoute(levels) ?? membershipRoute(levels);
    if (known !== undefined) return known;
  }
  if (topic === GAP_TOPIC) return { kind: "none" };
  return [...UPLOADS, ...extra].some((filter) => matches(filter, topic))
    ? { kind: "upload" }
    : { kind: "none" };
}

function deviceRoute(levels: readonly string[]): Route | undefined {
  const [, , root, namespace = "", name = "", ...rest] = levels;
  if (root !== "device") return undefined;
  const kind = rest.join("/");
  const isAsked = kind === "twin/update" || kind === "twin/get" || kind === "state/update";
  if (!isAsked || !NAME.test(namespace) || !NAME.test(name)) return { kind: "none" };
  return { kind, device: `${namespace}/${name}` };
}

function membershipRoute(levels: readonly string[]): Route | undefined {
  const [, , root, node = "", ...rest] = levels;
  if (root !== "node") return undefined;
  return rest.join("/") === "membership/get" ? { kind: "membership/get", node } : { kind: "none" };
}

/** `$hw/events/device/<namespace>/<name>` */
export const deviceTopic = (device: string): string => `$hw/events/device/${device}`;
/** `$hw/events/node/<node>/membership` */
export const membershipTopic = (node: string): string => `$hw/events/node/${node}/membership`;
