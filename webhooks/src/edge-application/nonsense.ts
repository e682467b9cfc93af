// SPDX-License-Identifier: Apache-2.0
import { isCopied, type EdgeApplicationSpec } from "@longshore/crds/apps";
import type { RuleViolation } from "@longshore/crds/devices";

type Rollout = NonNullable<EdgeApplicationSpec["rollout"]>;

/** What the section `rollout` cannot mean. KubeEdge does not have it, so nobody's manifest is refused that was not before. */
export function rolloutFaults({ batches = [], versions = [], checks = [] }: Rollout): RuleViolation[] {
  return [
    ...repeated("batches", batches),
    ...repeated("versions", versions),
    ...repeated("checks", checks),
    ...checks.flatMap(({ threshold }, index) =>
      isNumber(threshold)
        ? []
        : [
            {
              field: `spec.rollout.checks[${index}].threshold`,
              message: "is no number; give one such as 0.01",
            },
          ],
    ),
  ];
}

function repeated(list: string, items: readonly { readonly name?: string }[]): RuleViolation[] {
  const seen = new Set<string | undefined>();
  return items.flatMap(({ name }, index) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [
      { field: `spec.rollout.${list}[${index}].name`, message: "is the name of an earlier one; rename one" },
    ];
  });
}

/** A finite decimal; what Number() takes beyond that (nothing, hexadecimal, Infinity) is none. */
const isNumber = (text = ""): boolean =>
  /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text));

/** What can be meant, and does nothing. @param targets names of all; undefined while they are not known */
export function rolloutWarnings(
  spec: EdgeApplicationSpec,
  targets: ReadonlySet<string> | undefined,
): string[] {
  const { rollout } = spec;
  if (!rollout) return [];
  const hasDaemonSet = (spec.workloadTemplate?.manifests ?? []).some(
    (manifest) => manifest["kind"] === "DaemonSet" && isCopied(manifest),
  );
  return [
    ...((rollout.versions ?? []).length > 0 && !hasDaemonSet
      ? [
          "spec.rollout.versions: only DaemonSets have versions, and no manifest is one; the versions change nothing",
        ]
      : []),
    ...(targets ? unknownTargets(rollout, targets) : []),
  ];
}

/** Names told of one batch. */
const MAX_NAMES = 5;

function unknownTargets({ batches = [] }: Rollout, targets: ReadonlySet<string>): string[] {
  return batches.flatMap(({ targets: named = [] }, index) => {
    const unknown = named.filter((name) => !targets.has(name));
    if (unknown.length === 0) return [];
    const shown = unknown.slice(0, MAX_NAMES).join(", ");
    const more = unknown.length > MAX_NAMES ? ` and ${unknown.length - MAX_NAMES} more` : "";
    return [`spec.rollout.batches[${index}].targets: no targets of this application: ${shown}${more}`];
  });
}
