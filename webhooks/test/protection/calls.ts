// SPDX-License-Identifier: Apache-2.0
import type { Actor, Call } from "./bench.ts";
import { NAMESPACE } from "./objects.ts";

/** Nothing of this is kept: the same object can be tried again. */
const DRY = "dryRun=All";
const STRATEGIC = "application/strategic-merge-patch+json";

export const patch = (path: string, body: object = { metadata: { labels: { touched: "yes" } } }): Call => ({
  method: "PATCH",
  path: `${path}?${DRY}`,
  body,
});

export const remove = (path: string): Call => ({ method: "DELETE", path: `${path}?${DRY}` });

export const removeAll = (collection: string, selector: string): Call => ({
  method: "DELETE",
  path: `${collection}?${DRY}&labelSelector=${encodeURIComponent(selector)}`,
});

export const scale = (path: string): Call => patch(`${path}/scale`, { spec: { replicas: 0 } });

export const evict = (path: string): Call => ({
  method: "POST",
  path: `${path}/eviction?${DRY}`,
  body: {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name: path.split("/").at(-1), namespace: NAMESPACE },
  },
});

export const debug = (path: string): Call => ({
  method: "PATCH",
  path: `${path}/ephemeralcontainers?${DRY}`,
  type: STRATEGIC,
  body: { spec: { ephemeralContainers: [{ name: "d", image: "busybox" }] } },
});

export const resize = (path: string): Call => ({
  method: "PATCH",
  path: `${path}/resize?${DRY}`,
  type: STRATEGIC,
  body: { spec: { containers: [{ name: "c", resources: { requests: { cpu: "1m" } } }] } },
});

const account = (namespace: string, name: string): Actor => ({
  user: `system:serviceaccount:${namespace}:${name}`,
});

export const EDITOR: Actor = { user: "alice" };
/** Those that GLASS names. */
export const BREAK_GLASS: readonly Actor[] = [{ user: "carol" }, { user: "dave", group: "firefighters" }];
export const GLASS = { users: ["carol"], groups: ["firefighters"] };
export const NODE: Actor = { user: "system:node:edge-1", group: "system:nodes" };
export const OPERATORS: readonly Actor[] = [
  account("kubeedge", "longshore-controllers"),
  account("kubeedge", "longshore-hub"),
  account("kubeedge", "cloudcore"),
  account("kubeedge", "controller-manager"),
  account("kube-system", "generic-garbage-collector"),
  account("kube-system", "deployment-controller"),
  { user: "system:kube-controller-manager" },
  { user: "system:kube-scheduler" },
];
export const SYSTEM: readonly Actor[] = [...OPERATORS, NODE];
export const STRANGERS: readonly (Actor | undefined)[] = [
  EDITOR,
  undefined, // the administrator, of system:masters
  account("default", "default"),
  account("kubeedge-2", "longshore-controllers"),
  account("kubeedge", "other"),
];

/** `passes`, the name of the policy that refused, or what else went wrong. */
export function verdictOf({ code, message }: { readonly code: number; readonly message: string }): string {
  if (code < 300) return "passes";
  const [, policy] = /ValidatingAdmissionPolicy '([^']+)'/.exec(message) ?? [];
  const isError = /resulted in error|failed to configure/.test(message);
  return policy === undefined || isError ? `${code} ${message}` : policy;
}
