// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "../../../devices/v1beta1/rules.ts";
import type { RuleEndpointSpec, RuleSpec } from "../types.gen.ts";
import { pathFault, segmentsOf } from "./path.ts";

export type EndpointType = RuleEndpointSpec["ruleEndpointType"];

/** Keys that a Rule must name of its source, by the type of that. */
const SOURCE_KEYS: Readonly<Record<EndpointType, readonly string[]>> = {
  rest: ["path"],
  eventbus: ["topic", "node_name"],
  servicebus: ["target_url", "node_name"],
};
const TARGET_KEYS: Readonly<Record<EndpointType, readonly string[]>> = {
  rest: ["resource"],
  eventbus: ["topic"],
  servicebus: ["path"],
};
/** From where to where; KubeEdge's router carries the last too, though its webhook refuses it. */
const PAIRS = new Set(["rest>eventbus", "rest>servicebus", "eventbus>rest", "servicebus>rest"]);

/** The types of both ends; undefined for one that could not be read. */
export interface Ends {
  readonly source: EndpointType | undefined;
  readonly target: EndpointType | undefined;
}

/** What is wrong with a Rule between endpoints of these types: keys, the path's grammar, the pair. */
export function ruleFaults(spec: RuleSpec, { source, target }: Ends): RuleViolation[] {
  return [
    ...(source === undefined ? [] : missingKeys("sourceResource", spec.sourceResource, SOURCE_KEYS[source])),
    ...(source === "rest" ? pathFaults(spec.sourceResource["path"]) : []),
    ...(target === undefined ? [] : missingKeys("targetResource", spec.targetResource, TARGET_KEYS[target])),
    ...pairFaults(source, target),
  ];
}

function missingKeys(
  field: string,
  resource: Readonly<Record<string, string>>,
  keys: readonly string[],
): RuleViolation[] {
  return keys.flatMap((key) =>
    (Object.hasOwn(resource, key) ? resource[key] : "") === ""
      ? [{ field: `spec.${field}.${key}`, message: "missing" }]
      : [],
  );
}

function pathFaults(path = ""): RuleViolation[] {
  const fault = pathFault(path);
  return fault === undefined ? [] : [{ field: "spec.sourceResource.path", message: fault }];
}

function pairFaults(source: EndpointType | undefined, target: EndpointType | undefined): RuleViolation[] {
  if (source === undefined || target === undefined || PAIRS.has(`${source}>${target}`)) return [];
  const message = `no rule leads from ${source} to ${target}; these do: ${[...PAIRS].map((pair) => pair.replace(">", " to ")).join(", ")}`;
  return [{ field: "spec.target", message }];
}

/** What a Rule publishes to: one topic. KubeEdge takes any. */
export function ruleHazards(spec: RuleSpec, { target }: Ends): RuleViolation[] {
  const { topic = "" } = spec.targetResource;
  return target === "eventbus" && /[+#]|^\$/.test(topic)
    ? [{ field: "spec.targetResource.topic", message: "messages are published to one topic: no +, # or $" }]
    : [];
}

/**
 * Whether two Rules take the same messages, which no two of a namespace may: of a path, or of a topic or an address on
 * one node. A message would have two ways to go.
 */
export function isSameSource(one: RuleSpec, other: RuleSpec, source: EndpointType): boolean {
  return SOURCE_KEYS[source].every((key) => {
    const [a, b] = [one.sourceResource[key] ?? "", other.sourceResource[key] ?? ""];
    return a !== "" && (source === "rest" ? isSamePath(a, b) : a === b);
  });
}

const isSamePath = (a: string, b: string): boolean =>
  b !== "" && segmentsOf(a).join("/") === segmentsOf(b).join("/");
