// SPDX-License-Identifier: Apache-2.0
import { objectDigest } from "@longshore/crds";
import {
  DEFAULT_RENDER_LIMITS,
  renderShared,
  renderTarget,
  specNotes,
  targetNotes,
  type Child,
  type ChildObject,
  type Owner,
  type Rendered,
  type RenderFault,
} from "@longshore/crds/apps";
import { groupOf, nameFor, refKey, TARGET, VERSION, type Ref } from "./resources.ts";
import { REVISION, type RolloutStep, type TargetPlan } from "./rollout/index.ts";

/** A child that is to exist, without its content. */
export interface Wanted {
  readonly key: string;
  readonly ref: Ref;
  readonly apiVersion: string;
  readonly ordinal: number;
  readonly target?: string;
  readonly version?: string;
  /** Of its content. */
  readonly hash: string;
  /** Makes the content once more. */
  readonly object: () => ChildObject;
}

export interface Plan {
  readonly wanted: readonly Wanted[];
  /** What stays as it is for now. */
  readonly held: readonly Wanted[];
  readonly faults: readonly RenderFault[];
  /** What changes nothing, though somebody meant something by it. */
  readonly notes: readonly string[];
}

/** What was rendered of one target; remembered, so that a change of one target does not render all. */
interface Part {
  readonly summaries: readonly Omit<Wanted, "object">[];
  readonly faults: readonly RenderFault[];
  readonly notes: readonly string[];
}

/** Parts of an application's plan by what they were made from. */
export type Parts = Map<string, Part>;

/**
 * What is to exist, and what of it cannot be made.
 *
 * @param parts of the last plan; those that are used no more are dropped
 */
export function planOf(owner: Owner, step: RolloutStep, parts: Parts): Plan {
  const sources = [...step.targets.map((plan) => sourceOf(owner, plan, step)), ...sharedOf(owner, step)];
  const used: Parts = new Map();
  const collected = new Collected();
  for (const source of sources) {
    const rendered = once(source.render);
    const part = parts.get(source.key) ?? summarize(rendered(), source);
    used.set(source.key, part);
    collected.faults.push(...part.faults);
    collected.notes.push(...part.notes);
    part.summaries.forEach((summary, index) =>
      collected.add({ ...summary, object: () => contentOf(rendered(), index, source.mark) }, source.holds),
    );
  }
  replace(parts, used);
  const { wanted, held, faults, notes } = collected;
  return { wanted: [...wanted.values()], held, faults, notes };
}

interface Source {
  readonly key: string;
  readonly render: () => Rendered;
  readonly notes: () => readonly string[];
  readonly holds?: TargetPlan["holds"];
  /** Revision that is written on it. */
  readonly mark?: string | undefined;
}

function sourceOf(owner: Owner, plan: TargetPlan, { status }: RolloutStep): Source {
  const { target, revision, spec, maxUnavailable, holds } = plan;
  const mark = status === undefined ? undefined : revision;
  return {
    key: JSON.stringify([owner.uid, revision, mark ?? null, maxUnavailable ?? null, target]),
    render: () =>
      renderTarget({ owner, spec, target, ...(maxUnavailable !== undefined && { maxUnavailable }) }),
    notes: () => targetNotes({ spec, target }),
    mark,
    ...(holds && { holds }),
  };
}

function sharedOf(owner: Owner, { shared }: RolloutStep): readonly Source[] {
  if (shared === undefined) return [];
  const { revision, spec } = shared;
  const key = JSON.stringify([owner.uid, revision]);
  return [{ key, render: () => renderShared({ owner, spec }), notes: () => specNotes(spec) }];
}

class Collected {
  readonly wanted = new Map<string, Wanted>();
  readonly held: Wanted[] = [];
  readonly faults: RenderFault[] = [];
  readonly notes: string[] = [];
  readonly #byKey = new Map<string, Wanted>();

  add(each: Wanted, holds: TargetPlan["holds"]): void {
    const { key, version } = each;
    const first = this.#byKey.get(key);
    if (first !== undefined) {
      this.faults.push(doubleOf(each, first));
      return;
    }
    if (this.#byKey.size >= DEFAULT_RENDER_LIMITS.maxChildren) {
      this.faults.push(surplusOf(each));
      return;
    }
    this.#byKey.set(key, each);
    const isHeld = holds?.({ object: each.object(), ...(version !== undefined && { version }) }) === true;
    if (isHeld) this.held.push(each);
    else this.wanted.set(key, each);
  }
}

const summarize = ({ children, faults }: Rendered, { mark, notes }: Source): Part => ({
  ...{ faults, notes: notes() },
  summaries: children.map((child) => summaryOf(child, mark)),
});

function summaryOf(child: Child, mark: string | undefined): Omit<Wanted, "object"> {
  const object = withMarks(child, mark);
  const { apiVersion, kind, metadata } = object;
  const ref = { group: groupOf(apiVersion), kind, namespace: metadata.namespace, name: metadata.name };
  return {
    ...{ key: refKey(ref), ref, apiVersion, ordinal: child.ordinal },
    ...(child.target !== undefined && { target: child.target }),
    ...(child.version !== undefined && { version: child.version }),
    hash: `${apiVersion} ${objectDigest(object)}`,
  };
}

function contentOf({ children }: Rendered, index: number, mark: string | undefined): ChildObject {
  const child = children[index];
  if (child === undefined) throw new RangeError("a plan was rendered differently the second time");
  return withMarks(child, mark);
}

/** What it is for is written on it, so that it is known after a restart what may be pruned. */
function withMarks({ object, target, version }: Child, mark: string | undefined): ChildObject {
  if (target === undefined) return object;
  const annotations = {
    ...(object.metadata["annotations"] as object | undefined),
    [TARGET]: target,
    ...(version !== undefined && { [VERSION]: version }),
    ...(mark !== undefined && { [REVISION]: mark }),
  };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

const doubleOf = (each: Wanted, { ordinal }: Wanted): RenderFault =>
  faultOf(each, `is ${nameFor(each.ref)}, which manifests[${ordinal}] gives already; rename one`);

const surplusOf = (each: Wanted): RenderFault =>
  faultOf(
    each,
    `is beyond the ${DEFAULT_RENDER_LIMITS.maxChildren} objects that there may be; split the application`,
  );

const faultOf = ({ ordinal, target, version }: Wanted, text: string): RenderFault => ({
  ordinal,
  ...(target !== undefined && { target }),
  ...(version !== undefined && { version }),
  message: `manifests[${ordinal}]: ${text}`,
});

function replace(parts: Parts, used: Parts): void {
  parts.clear();
  for (const [key, part] of used) parts.set(key, part);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
