// SPDX-License-Identifier: Apache-2.0
import {
  isCopied,
  renderShared,
  renderTarget,
  specNotes,
  targetNotes,
  targetsOf,
  type Child,
  type EdgeApplicationSpec,
  type GroupFacts,
  type Owner,
  type Target,
} from "@longshore/crds/apps";

/** What is rendered for one review; the targets beyond are only counted, so that no spec holds reviews up. */
export interface RenderingLimits {
  readonly maxTargets: number;
  /** Of all targets together: the first targets that fit. */
  readonly maxCopies: number;
  readonly maxChars: number;
  /** Of the first target alone, as JSON; as much as the API server can store. */
  readonly maxFirstChars: number;
}

export const RENDERING_LIMITS: RenderingLimits = {
  maxTargets: 100,
  maxCopies: 1_000,
  maxChars: 1024 * 1024,
  maxFirstChars: 1.5 * 1024 * 1024,
};

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
  /** What changes nothing, though somebody meant something by it; sentences alike. */
  readonly notes: readonly string[];
}

export interface RenderingInput {
  readonly owner: Owner;
  readonly spec: EdgeApplicationSpec;
  readonly groups: readonly GroupFacts[];
}

export function rendering(
  { owner, spec, groups }: RenderingInput,
  limits: RenderingLimits = RENDERING_LIMITS,
): Rendering {
  const { targets, faults } = targetsOf(spec.workloadScope, groups);
  const parts = targets.slice(0, targetsWithin(limits, spec)).map((target) => {
    const { children, faults: own } = renderTarget({ owner, spec, target });
    return { target, children, faults: own };
  });
  const shared = renderShared({ owner, spec });
  const messages = [
    ...faults,
    ...shared.faults,
    ...parts.flatMap((part) => part.faults),
    ...doubles([...parts.flatMap((part) => part.children), ...shared.children]),
  ];
  return {
    targets: parts,
    names: targets.map(({ name }) => name),
    shared: shared.children,
    faults: [...new Set(messages.map(located))],
    notes: [...parts.flatMap(({ target }) => targetNotes({ spec, target })), ...specNotes(spec)],
  };
}

/** Of what different targets, or a target and what exists once, would both make, the controller makes the first. */
function doubles(children: readonly Child[]): { readonly message: string }[] {
  const first = new Map<string, Child>();
  return children.flatMap((child) => {
    const { apiVersion, kind, metadata } = child.object;
    const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
    const key = `${group}/${kind}/${metadata.name}`;
    const other = first.get(key);
    if (other === undefined) {
      first.set(key, child);
      return [];
    }
    const what = `is ${kind} ${metadata.name}${placeOf(child)}`;
    const message = `workloadTemplate.manifests[${child.ordinal}].metadata.name: ${what}, which manifests[${other.ordinal}] gives already${placeOf(other)}; rename one`;
    return [{ message }];
  });
}

const placeOf = ({ target }: Child): string => (target === undefined ? "" : ` for ${target}`);

/** How many targets may be rendered: each is as large as its copies. */
function targetsWithin(
  { maxTargets, maxCopies, maxChars, maxFirstChars }: RenderingLimits,
  { rollout, workloadTemplate }: EdgeApplicationSpec,
): number {
  const versions = 1 + (rollout?.versions ?? []).length;
  let [copies, chars] = [0, 0];
  for (const manifest of workloadTemplate?.manifests ?? []) {
    if (!isCopied(manifest)) continue;
    const times = manifest["kind"] === "DaemonSet" ? versions : 1;
    copies += times;
    chars += times * JSON.stringify(manifest).length;
  }
  if (copies === 0) return maxTargets;
  if (chars > maxFirstChars) return 0;
  return Math.max(1, Math.min(maxTargets, Math.floor(maxCopies / copies), Math.floor(maxChars / chars)));
}

/** Overriders are those of a target; all else says for itself where it is. */
const located = ({ message, target }: { readonly message: string; readonly target?: string }): string =>
  target !== undefined && message.startsWith("overriders") ? `workloadScope[${target}].${message}` : message;
