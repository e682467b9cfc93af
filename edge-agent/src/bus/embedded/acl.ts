// SPDX-License-Identifier: Apache-2.0
import { covers, deviceTopic, filterFault, GAP_TOPIC, matches, membershipTopic, routeOf } from "../topic.ts";

/** Where a user may publish, and what it may subscribe to: filters of MQTT. */
export interface Grants {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

const DEVICE = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?\/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Who comes without a name, where that is allowed: everything but what is the agent's to say. */
export const ANONYMOUS: Grants = { publish: ["#", "$hw/#"], subscribe: ["#", "$hw/#"] };

/** A device's own topics. @param device `<namespace>/<name>` */
function ofDevice(device: string): Grants {
  const base = deviceTopic(device);
  return {
    publish: [
      `${base}/twin/update`,
      `${base}/twin/get`,
      `${base}/state/update`,
      `$hw/events/upload/${device}/#`,
    ],
    subscribe: [`${base}/#`],
  };
}

function ofNode(node: string): Grants {
  const base = membershipTopic(node);
  return { publish: [`${base}/get`], subscribe: [`${base}/#`] };
}

function ofWord(word: string, node: string): Grants | undefined {
  if (word === "node") return ofNode(node);
  const [, verb, filter = ""] = /^(pub|sub|pubsub):(.+)$/.exec(word) ?? [];
  if (verb === undefined) return DEVICE.test(word) ? ofDevice(word) : undefined;
  if (filterFault(filter) !== undefined) return undefined;
  return {
    publish: verb === "sub" ? [] : [filter],
    subscribe: verb === "pub" ? [] : [filter],
  };
}

/**
 * What words of the credentials file allow: `<namespace>/<name>` of a device, `node`, `pub:<filter>`, `sub:<filter>`,
 * `pubsub:<filter>`. A text says what is wrong with them.
 */
export function grantsOf(words: readonly string[], node: string): Grants | string {
  const grants = words.map((word) => ofWord(word, node));
  const wrong = grants.findIndex((grant) => grant === undefined);
  if (wrong !== -1)
    return `grant ${wrong + 1} must be namespace/device, node, pub:, sub: or pubsub: and a filter`;
  return {
    publish: grants.flatMap((grant) => grant?.publish ?? []),
    subscribe: grants.flatMap((grant) => grant?.subscribe ?? []),
  };
}

/** What clients are told, and never tell: whatever lies below `$hw/` and asks for nothing. */
const isOfAgent = (topic: string): boolean =>
  topic === GAP_TOPIC || (topic.startsWith("$") && routeOf(topic).kind === "none");

/** @param topic one that `topicFault` lets pass */
export const mayPublish = ({ publish }: Grants, topic: string): boolean =>
  !isOfAgent(topic) && publish.some((filter) => matches(filter, topic));

/** Whether all that the filter can bring is granted. */
export const maySubscribe = ({ subscribe }: Grants, filter: string): boolean =>
  filterFault(filter) === undefined && subscribe.some((granted) => covers(granted, filter));

/** A last will may not ask for anything but the state of a device. */
export const mayWill = (grants: Grants, topic: string): boolean => {
  const { kind } = routeOf(topic);
  return mayPublish(grants, topic) && (kind === "state/update" || kind === "upload" || kind === "none");
};
