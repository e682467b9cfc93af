// SPDX-License-Identifier: Apache-2.0
import { matchesSelector } from "../select.ts";
import type {
  EdgeApplicationOverriders,
  EdgeApplicationSpec,
  LabelRequirement,
  LabelSelector,
} from "../types.gen.ts";
import { fail, quoted, RenderFaultError } from "./fault.ts";
import { DEFAULT_RENDER_LIMITS, type RenderLimits } from "./limits.ts";
import { indexed, isFields } from "./json.ts";
import { isSubdomain, MAX_LABEL, selectorSuffix } from "./names.ts";
import type { GroupFacts, Target } from "./types.ts";

/** A part of the scope that makes no target. The others are not affected. */
export interface ScopeFault {
  /** Name of the target that is meant, when there is one. */
  readonly target?: string;
  /** Says what to change, beginning with the field: `workloadScope.targetNodeGroups[1].name: …` */
  readonly message: string;
}

export interface Targets {
  /** No two with the same name. Groups by name, then by selector (sorted by name), then labels, as the spec has them. */
  readonly targets: readonly Target[];
  readonly faults: readonly ScopeFault[];
}

type Scope = EdgeApplicationSpec["workloadScope"];

/**
 * The places that an application is for. A group that is named but does not exist is a target, too: its workloads
 * wait for nodes. Where two parts of the scope mean the same place, the first wins.
 */
export function targetsOf(
  scope: Scope | undefined,
  groups: Iterable<GroupFacts>,
  limits: RenderLimits = DEFAULT_RENDER_LIMITS,
): Targets {
  const found = new Found(limits);
  for (const [index, { name, overriders }] of indexed(scope?.targetNodeGroups)) {
    found.add(`workloadScope.targetNodeGroups[${String(index)}].name`, () => groupTarget(name, overriders));
  }
  addSelected(found, scope, groups);
  for (const [index, { labelSelector, overriders }] of indexed(scope?.targetNodeLabels)) {
    found.add(`workloadScope.targetNodeLabels[${String(index)}].labelSelector`, () =>
      labelTarget(labelSelector, overriders),
    );
  }
  return { targets: [...found.targets.values()], faults: found.faults };
}

/** Groups that a selector means; those with a name of their own in the scope and those of earlier selectors stay. */
function addSelected(found: Found, scope: Scope | undefined, groups: Iterable<GroupFacts>): void {
  const selectors = indexed(scope?.targetNodeGroupSelectors).filter(([index, { labelSelector }]) =>
    found.check(`workloadScope.targetNodeGroupSelectors[${String(index)}].labelSelector`, () => {
      checkSelector(labelSelector);
    }),
  );
  if (selectors.length === 0) return;
  const sorted = [...groups].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, labels } of sorted.filter((group) => !found.targets.has(group.name))) {
    const chosen = selectors.find(([, { labelSelector }]) => matchesSelector(labelSelector, labels));
    if (chosen === undefined) continue;
    const field = `workloadScope.targetNodeGroupSelectors[${String(chosen[0])}].labelSelector`;
    found.add(field, () => groupTarget(name, chosen[1].overriders));
  }
}

class Found {
  readonly targets = new Map<string, Target>();
  readonly faults: ScopeFault[] = [];
  private readonly limits: RenderLimits;

  constructor(limits: RenderLimits) {
    this.limits = limits;
  }

  add(field: string, make: () => Target): void {
    this.check(field, () => {
      const target = make();
      if (this.targets.has(target.name)) {
        fail("", `is the same place as an earlier one (${target.name}), which wins; remove one`);
      }
      if (this.targets.size >= this.limits.maxTargets) {
        fail(
          "",
          `is beyond the ${String(this.limits.maxTargets)} targets that an application may have; split it`,
        );
      }
      this.targets.set(target.name, target);
    });
  }

  check(field: string, act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      const text =
        error instanceof RenderFaultError ? error.text : "cannot be read; check it against the schema";
      this.faults.push({ message: `${field}: ${text}` });
      return false;
    }
  }
}

function groupTarget(name: unknown, overriders: EdgeApplicationOverriders | undefined): Target {
  if (typeof name !== "string" || name === "") fail("", "is empty; name a NodeGroup");
  // The name is also the value of the label that its nodes have.
  if (!isSubdomain(name) || name.length > MAX_LABEL) {
    fail("", `is ${quoted(name)}, which no NodeGroup can be called; use at most 63 of a-z, 0-9, - and .`);
  }
  return { name, group: name, overriders: overriders ?? {} };
}

function labelTarget(
  selector: LabelSelector | undefined,
  overriders: EdgeApplicationOverriders | undefined,
): Target {
  checkSelector(selector);
  const labelSelector = selector as LabelSelector;
  return { name: selectorSuffix(labelSelector), labelSelector, overriders: overriders ?? {} };
}

function checkSelector(selector: LabelSelector | undefined): void {
  const { matchLabels = {}, matchExpressions = [] } = (selector ?? {}) as Record<string, unknown>;
  if (!isFields(matchLabels) || !isList(matchExpressions)) fail("", "is no label selector; check it");
  const labels = Object.entries(matchLabels);
  const expressions = matchExpressions as LabelRequirement[];

  if (labels.length + expressions.length === 0)
    fail("", "is empty; say by matchLabels or matchExpressions what is meant");
  for (const [key, value] of labels) {
    if (typeof value !== "string") fail("", `has a value for ${quoted(key)} that is no text; quote it`);
  }
  for (const expression of expressions) checkExpression(expression);
}

/** Whether an operator takes values. Kubernetes' operators; those for numbers are of node affinities alone. */
const TAKES_VALUES: ReadonlyMap<string, boolean> = new Map([
  ["In", true],
  ["NotIn", true],
  ["Exists", false],
  ["DoesNotExist", false],
]);

const isList = (value: unknown): boolean => value === undefined || Array.isArray(value);

function checkExpression(expression: LabelRequirement): void {
  if (!isFields(expression) || !isList(expression.values))
    fail("", "has an expression that is none; check it");
  const { key, operator, values } = expression;

  if (typeof key !== "string" || key === "") fail("", "has an expression without key; add it");
  const takesValues = TAKES_VALUES.get(operator);
  if (takesValues === undefined) {
    fail("", `has the operator ${quoted(operator)} for ${key}; use In, NotIn, Exists or DoesNotExist`);
  }
  if (takesValues !== (values ?? []).length > 0) {
    fail(
      "",
      `has the operator ${operator} for ${key}, which ${takesValues ? "needs values" : "takes no values"}`,
    );
  }
}
