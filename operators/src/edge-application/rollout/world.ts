// SPDX-License-Identifier: Apache-2.0
import type { Child, Owner, RenderedSpec, Target } from "@longshore/crds/apps";
import { strayHosts, versionsByHost } from "./hosts.ts";
import type { RolloutInput, TargetView } from "./port.ts";
import { waitsFor, type Expected, type Sketch } from "./progress.ts";
import type { Rendering } from "./rendering.ts";

/** What a revision gives a target, drawn once: rendering all of it anew would be most of what a step costs. */
export interface Drawn {
  readonly children: readonly Sketch[];
  readonly fault: string | undefined;
}

/** What one step knows of an application's revisions and targets; each thing is worked out once. */
export interface World {
  readonly owner: Owner;
  /** Key of the hosts' label. */
  readonly key: string;
  specOf(revision: string): RenderedSpec | undefined;
  /** undefined: the revision cannot be read */
  targetsOf(revision: string): ReadonlyMap<string, Target> | undefined;
  viewOf(target: Target): TargetView;
  /** Versions of hosts in a revision. */
  hostsOf(revision: string): ReadonlyMap<string, string>;
  expectedOf(revision: string, target: Target): Expected;
  waitsFor(name: string, revision: string): string | undefined;
  /** What was looked at, for the next step. */
  readonly drawn: ReadonlyMap<string, Drawn>;
}

export interface WorldInput {
  readonly rendering: Rendering;
  readonly input: RolloutInput;
  readonly specs: ReadonlyMap<string, RenderedSpec>;
  /** Of the last step. */
  readonly drawn: ReadonlyMap<string, Drawn>;
}

export function createWorld({ rendering, input, specs, drawn: before }: WorldInput): World {
  const { name, namespace = "", uid } = input.app.metadata;
  const owner = { name, namespace, uid };
  const key = rendering.versionLabel(owner);
  const targetsOf = once((revision: string) => {
    const spec = specs.get(revision);
    if (spec === undefined) return undefined;
    const { targets } = rendering.targetsOf(spec.workloadScope, input.groups);
    return new Map(targets.map((target) => [target.name, target]));
  });
  const views = new Map<Target, TargetView>();
  const viewOf = (target: Target): TargetView => {
    const view = views.get(target) ?? input.view(target);
    views.set(target, view);
    return view;
  };
  const hostsOf = once((revision: string) => {
    const spec = specs.get(revision);
    return spec === undefined ? new Map<string, string>() : versionsByHost(spec);
  });
  const drawn = new Map<string, Drawn>();
  const rendered = new Map<Target, { readonly expected: Expected; readonly fault: string | undefined }>();
  const renderedOf = (
    revision: string,
    target: Target,
  ): { expected: Expected; fault: string | undefined } => {
    const known = rendered.get(target);
    if (known !== undefined) return known;
    const name = `${revision} ${JSON.stringify(target)}`;
    const spec = specs.get(revision);
    const of = before.get(name) ?? drawnOf({ rendering, owner, spec, target });
    // One that could not be read may be readable later.
    if (spec !== undefined) drawn.set(name, of);
    const made = { expected: { children: of.children, revision, key }, fault: of.fault };
    rendered.set(target, made);
    return made;
  };
  return {
    ...{ owner, key, targetsOf, viewOf, hostsOf, drawn },
    specOf: (revision) => specs.get(revision),
    expectedOf: (revision, target) => renderedOf(revision, target).expected,
    waitsFor(name, revision) {
      const target = targetsOf(revision)?.get(name);
      if (target === undefined) return undefined;
      const { expected, fault } = renderedOf(revision, target);
      if (fault !== undefined) return fault;
      const view = viewOf(target);
      const reason = waitsFor(view, expected);
      if (reason !== undefined) return reason;
      const strays = strayHosts(view.nodes, { key: expected.key, wanted: hostsOf(revision) });
      const waiting = strays.filter(({ isReady }) => isReady).length;
      return waiting === 0 ? undefined : `${waiting} hosts are still to change their version`;
    },
  };
}

interface Drawing {
  readonly rendering: Rendering;
  readonly owner: Owner;
  readonly spec: RenderedSpec | undefined;
  readonly target: Target;
}

function drawnOf({ rendering, owner, spec, target }: Drawing): Drawn {
  if (spec === undefined) return { children: [], fault: undefined };
  const { children, faults } = rendering.renderTarget({ owner, spec, target });
  const sketch = (child: Child): Sketch => ({
    object: { kind: child.object.kind, metadata: { name: child.object.metadata.name } },
    ...(child.version !== undefined && { version: child.version }),
    images: rendering.imagesOf([child]),
  });
  return { children: children.map(sketch), fault: faults[0]?.message };
}

function once<T>(make: (revision: string) => T): (revision: string) => T {
  const made = new Map<string, T>();
  return (revision) => {
    if (!made.has(revision)) made.set(revision, make(revision));
    return made.get(revision) as T;
  };
}
