// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO, NODE_GROUP_GIVEN, NODE_GROUP_LEFT, VERSION_LABEL_DOMAIN, ZONE } from "./marks.ts";
import type { NodeGroupSpec, NodeGroupTaint } from "./types.gen.ts";

type Labels = Readonly<Record<string, string>>;
/** Can be as large as the Node itself, and nobody is given it. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** What every member is given. */
export interface Grant {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly taints: readonly NodeGroupTaint[];
  /** Entries of the template that nobody is given, and why, for people. */
  readonly ignored: readonly string[];
}

const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const MAX_PREFIX_CHARS = 253;

/** Who owns these writes them, or they say which group a node is in. */
const PROTECTED_KEYS: ReadonlySet<string> = new Set([
  ...["kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", LAST_APPLIED],
  ...[BELONGING_TO, ZONE, NODE_GROUP_GIVEN, NODE_GROUP_LEFT],
]);
const PROTECTED_PREFIXES = [
  // A node that joins a group by a label of its own would get what no node may give itself.
  ...["node-role.kubernetes.io", "node-restriction.kubernetes.io", VERSION_LABEL_DOMAIN],
];
/** Taints of the node lifecycle come and go by the node's conditions. */
const PROTECTED_TAINT_PREFIXES = [
  ...PROTECTED_PREFIXES,
  ...["node.kubernetes.io", "node.cloudprovider.kubernetes.io"],
];

/** Whether any group gives this label, annotation or taint, whatever its template says. */
export const isGivable = (what: "label" | "annotation" | "taint", key: string): boolean =>
  (what === "label" && key === ZONE) ||
  keyFault(key, what === "taint" ? PROTECTED_TAINT_PREFIXES : PROTECTED_PREFIXES) === undefined;

/** What the group gives: its template without what it may not hold, and the zone. */
export function grantOf(group: string, spec: NodeGroupSpec): Grant {
  const { labels = {}, annotations = {}, taints = [] } = spec.nodeTemplate ?? {};
  const selects = new Set(Object.keys(spec.matchLabels ?? {}));
  const ignored: string[] = [];
  const isAllowed = (what: string, fault: string | undefined): boolean => {
    if (fault !== undefined) ignored.push(`${what} ${fault}`);
    return fault === undefined;
  };
  const allowed = (
    map: Labels,
    what: string,
    faultOf: (key: string, value: string) => string | undefined,
  ): Labels =>
    Object.fromEntries(
      Object.entries(map).filter(([key, value]) => isAllowed(`${what} ${key}`, faultOf(key, value))),
    );
  return {
    labels: {
      ...allowed(labels, "label", (key, value) => labelFault(key, value, selects)),
      ...(spec.topologyEnabled === true && { [ZONE]: group }),
    },
    annotations: allowed(annotations, "annotation", (key) => keyFault(key, PROTECTED_PREFIXES)),
    taints: taints.filter((taint, i) =>
      isAllowed(`taint ${taint.key}:${taint.effect}`, taintFault(taint, taints.slice(0, i))),
    ),
    ignored,
  };
}

function labelFault(key: string, value: string, selects: ReadonlySet<string>): string | undefined {
  if (selects.has(key)) return "is what the group selects by";
  return keyFault(key, PROTECTED_PREFIXES) ?? valueFault(value);
}

function taintFault(taint: NodeGroupTaint, earlier: readonly NodeGroupTaint[]): string | undefined {
  const { key, value = "", effect } = taint;
  if (earlier.some((other) => other.key === key && other.effect === effect)) return "is there twice";
  return keyFault(key, PROTECTED_TAINT_PREFIXES) ?? valueFault(value);
}

const valueFault = (value: string): string | undefined =>
  value === "" || NAME.test(value) ? undefined : "has no valid value";

function keyFault(key: string, prefixes: readonly string[]): string | undefined {
  const slash = key.indexOf("/");
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const isOf = (domain: string): boolean => prefix === domain || prefix?.endsWith(`.${domain}`) === true;
  if (PROTECTED_KEYS.has(key) || prefixes.some(isOf)) return "is protected";
  const isPrefix = prefix === undefined || (prefix.length <= MAX_PREFIX_CHARS && PREFIX.test(prefix));
  return isPrefix && NAME.test(key.slice(slash + 1)) ? undefined : "has no valid key";
}
