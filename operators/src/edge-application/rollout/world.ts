// SPDX-License-Identifier: Apache-2.0
import type { Child, Owner, RenderedSpec, Target } from "@longshore/crds/apps";
import { strayHosts, versionsByHost } from "./hosts.ts";
import type { RolloutInput, TargetView } from "./port.ts";
import { waitsFor, type Expected } from "./progress.ts";
import type { Rendering } from "./rendering.ts";

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
}

export interface WorldInput {
  readonly rendering: Rendering;
  readonly input: RolloutInput;
  readonly specs: ReadonlyMap<string, RenderedSpec>;
}

export function createWorld({ rendering, input, specs }: WorldInput): World {
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
  const rendered = new Map<Target, { readonly expected: Expected; readonly fault: string | undefined }>();
  const renderedOf = (
    revision: string,
    target: Target,
  ): { expected: Expected; fault: string | undefined } => {
    const known = rendered.get(target);
    if (known !== undefined) return known;
    const spec = specs.get(revision);
    const { children, faults } =
      spec === undefined
        ? { children: [] as Child[], faults: [] }
        : rendering.renderTarget({ owner, spec, target });
    const made = { expected: { children, revision, key }, fault: faults[0]?.message };
    rendered.set(target, made);
    return made;
  };
  return {
    ...{ owner, key, targetsOf, viewOf, hostsOf },
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
      const strays = strayHosts({ view, expected, wanted: hostsOf(revision) });
      const waiting = strays.filter(({ isReady }) => isReady).length;
      return waiting === 0 ? undefined : `${waiting} hosts are still to change their version`;
    },
  };
}

function once<T>(make: (revision: string) => T): (revision: string) => T {
  const made = new Map<string, T>();
  return (revision) => {
    if (!made.has(revision)) made.set(revision, make(revision));
    return made.get(revision) as T;
  };
}
