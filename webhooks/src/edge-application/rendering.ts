// SPDX-License-Identifier: Apache-2.0
import {
  renderShared,
  renderTarget,
  targetsOf,
  type Child,
  type EdgeApplicationSpec,
  type GroupFacts,
  type Owner,
  type Target,
} from "@longshore/crds/apps";

/** Targets that are rendered for one review; more are only counted, so that no spec holds reviews up. */
export const MAX_RENDERED = 100;

export interface RenderedTarget {
  readonly target: Target;
  readonly children: readonly Child[];
}

/** What a spec makes. */
export interface Rendering {
  readonly targets: readonly RenderedTarget[];
  /** Names of all targets, also of those that were not rendered. */
  readonly names: readonly string[];
  readonly shared: readonly Child[];
  /** Sentences that begin with a field, as far as that is known; without repetitions. */
  readonly faults: readonly string[];
}

export interface RenderingInput {
  readonly owner: Owner;
  readonly spec: EdgeApplicationSpec;
  readonly groups: readonly GroupFacts[];
}

export function rendering({ owner, spec, groups }: RenderingInput, limit = MAX_RENDERED): Rendering {
  const { targets, faults } = targetsOf(spec.workloadScope, groups);
  const parts = targets.slice(0, limit).map((target) => {
    const { children, faults: own } = renderTarget({ owner, spec, target });
    return { target, children, faults: own };
  });
  const shared = renderShared({ owner, spec });
  const messages = [...faults, ...shared.faults, ...parts.flatMap((part) => part.faults)];
  return {
    targets: parts,
    names: targets.map(({ name }) => name),
    shared: shared.children,
    faults: [...new Set(messages.map(located))],
  };
}

/** Overriders are those of a target; all else says for itself where it is. */
const located = ({ message, target }: { readonly message: string; readonly target?: string }): string =>
  target !== undefined && message.startsWith("overriders") ? `workloadScope[${target}].${message}` : message;
