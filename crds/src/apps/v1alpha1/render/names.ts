// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { LabelRequirement, LabelSelector } from "../types.gen.ts";
import { VERSION_LABEL_DOMAIN } from "../marks.ts";
import { canonicalJson } from "./json.ts";
import { fail, quoted } from "./fault.ts";
import { MAX_NAME, workloadOf } from "./kinds.ts";
import type { Owner } from "./types.ts";

/** The most that a label's value, and the name of a Service, may have. */
export const MAX_LABEL = 63;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export const isSubdomain = (name: string): boolean => name.length <= MAX_NAME && SUBDOMAIN.test(name);

/** @throws {RenderFaultError} when no object of this kind can have the name */
export function checkName(apiVersion: string, kind: string, name: string, field: string): void {
  const most = maxNameOf(apiVersion, kind);
  if (name.length > most) {
    const text = `makes the name ${quoted(name)} of ${String(name.length)} characters; a ${kind} may have`;
    fail(field, `${text} ${String(most)}; shorten the manifest's name or the target's`);
  }
  // Names of RBAC objects may hold colons and capitals; for all others the API server asks for a subdomain.
  const pattern = apiVersion.startsWith("rbac.authorization.k8s.io/") ? /^[^/%]+$/ : SUBDOMAIN;
  if (!pattern.test(name)) {
    fail(field, `makes the name ${quoted(name)}; use lower-case letters, digits, dashes and dots`);
  }
}

function maxNameOf(apiVersion: string, kind: string): number {
  if (apiVersion === "v1" && kind === "Service") return MAX_LABEL;
  return workloadOf(apiVersion, kind)?.maxName ?? MAX_NAME;
}

/** What selects the same gives the same: labels and requirements sorted, values too. */
export function requirementsOf(selector: LabelSelector): LabelRequirement[] {
  const labels = Object.entries(selector.matchLabels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ key, operator: "In", values: [value] }));
  return [...labels, ...sortedExpressions(selector)];
}

function sortedExpressions(selector: LabelSelector): LabelRequirement[] {
  return (selector.matchExpressions ?? [])
    .map(({ key, operator, values }) => {
      const sorted = [...new Set(values ?? [])].sort();
      return { key, operator, ...(sorted.length > 0 && { values: sorted }) };
    })
    .map((requirement) => ({ requirement, text: canonicalJson(requirement) }))
    .sort((a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)))
    .map(({ requirement }) => requirement);
}

const SUFFIX_HEX_DIGITS = 8;

/**
 * Name of a label target. KubeEdge's for labels alone (a hash over keys and values, sorted by key, without anything
 * between); requirements, which KubeEdge ignores, are hashed behind them.
 */
export function selectorSuffix(selector: LabelSelector): string {
  const hash = createHash("sha256");
  const labels = selector.matchLabels ?? {};
  for (const key of Object.keys(labels).sort()) hash.update(key).update(labels[key] ?? "");
  const expressions = sortedExpressions(selector);
  if (expressions.length > 0) hash.update("\0").update(canonicalJson(expressions));
  return `ls-${hash.digest("hex").slice(0, SUFFIX_HEX_DIGITS)}`;
}

const VERSION_LABEL_HEX_DIGITS = 16;

/** Key of the label that tells which version of an application a host runs. */
export function versionLabel(owner: Pick<Owner, "name" | "namespace">): string {
  const digest = createHash("sha256").update(`${owner.namespace}/${owner.name}`).digest("hex");
  return `${VERSION_LABEL_DOMAIN}/${digest.slice(0, VERSION_LABEL_HEX_DIGITS)}`;
}
