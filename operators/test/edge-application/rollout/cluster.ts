// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import {
  BELONGING_TO,
  imagesOf,
  matchesSelector,
  renderTarget,
  targetsOf,
  versionLabel,
  type Child,
  type EdgeApplication,
  type EdgeApplicationSpec,
  type RenderedSpec,
  type Target,
} from "@longshore/crds/apps";
import {
  createRollout,
  type RolloutCounters,
  type RolloutInput,
  type RolloutStep,
  type TargetView,
  type WorkloadView,
} from "../../../src/edge-application/rollout/index.ts";
import type { Measured, PrePullState } from "../../../src/edge-application/rollout/port.ts";
import { silentLog } from "../../../src/runtime/index.ts";
import { OWNER, Site } from "./site.ts";

export { KEY } from "./site.ts";

/** A process that ends between two writes. */
export class Crash extends Error {}

export const manifest = (image: string): Record<string, unknown> => ({
  ...{ apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "cache" } },
  spec: {
    selector: { matchLabels: { app: "cache" } },
    template: {
      metadata: { labels: { app: "cache" } },
      spec: { containers: [{ name: "main", image: `cache:${image}` }] },
    },
  },
});

/** The version's hosts run another tag. */
export const version = (name: string, nodes: string[], tag: string) => ({
  ...{ name, nodes },
  overriders: { imageOverriders: [{ component: "Tag" as const, operator: "replace" as const, value: tag }] },
});

/**
 * Nodes, DaemonSets and an EdgeApplication, with what controllers of Kubernetes do to them, one tick at a time, and
 * with a reconciler that carries out what a rollout says. All state of the rollout itself is in the application.
 */
export class Cluster extends Site {
  nowMs = Date.parse("2030-01-01T00:00:00Z");
  readonly revisions = new Map<string, RenderedSpec>();
  app: EdgeApplication;
  /** Versions of the application, the newest last; a late cache has an older one. */
  readonly history: EdgeApplication[] = [];
  measure: () => Measured = () => ({ value: 0 });
  pull: PrePullState = { state: "pulled" };
  readonly pulls: { images: readonly string[]; nodes: readonly string[]; batch: number }[] = [];
  /** Called before each write; may throw Crash. */
  beforeWrite: () => void = () => undefined;
  last: RolloutStep | undefined;
  queries = 0;
  /** What the rollout counted. */
  readonly tally: string[] = [];
  /** Targets that the rollout had rendered. */
  renders = 0;
  private rollout = this.process();

  constructor(spec: EdgeApplicationSpec) {
    super();
    this.app = {
      ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", spec },
      metadata: { ...OWNER, resourceVersion: "1" },
    };
  }

  edit(change: (spec: EdgeApplicationSpec) => EdgeApplicationSpec): void {
    this.write({ ...this.app, spec: change(structuredClone(this.app.spec)) });
  }

  /** A new process: nothing is remembered. */
  restart(): void {
    this.rollout = this.process();
  }

  private counters(): RolloutCounters {
    const note =
      (what: string) =>
      (result: string): void =>
        void this.tally.push(`${what} ${result}`);
    const [check, hostLabel, prePull] = [note("check"), note("host label"), note("pre-pull")];
    return { check, hostLabel, prePull, ended: note("end"), swept: note("swept") };
  }

  private process(): ReturnType<typeof createRollout> {
    const nameOf = (spec: RenderedSpec): string => {
      return `r-${createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 8)}`;
    };
    return createRollout({
      clock: { wallMs: () => this.nowMs },
      log: silentLog,
      counters: this.counters(),
      revisions: {
        nameOf,
        save: (_app, spec) => {
          this.beforeWrite();
          this.revisions.set(nameOf(spec), structuredClone(spec));
          return Promise.resolve(nameOf(spec));
        },
        read: (_app, name) => Promise.resolve(this.revisions.get(name)),
        trim: (_app, keep, limit) => {
          for (const name of [...this.revisions.keys()].slice(0, Math.max(0, this.revisions.size - limit)))
            if (!keep.includes(name)) this.revisions.delete(name);
          return Promise.resolve();
        },
      },
      prePull: {
        ensure: ({ images, nodes, batch }) => {
          this.pulls.push({ images, nodes, batch });
          return Promise.resolve(this.pull);
        },
        clean: () => Promise.resolve(),
        owners: () => Promise.resolve([]),
      },
      metrics: {
        query: () => {
          this.queries += 1;
          return Promise.resolve(this.measure());
        },
      },
      hosts: {
        labelled: (key) =>
          [...this.nodes.values()].flatMap(({ name, labels }) =>
            labels[key] === undefined ? [] : [{ node: name, version: labels[key] }],
          ),
        set: (key, { node, version: value }) => {
          this.beforeWrite();
          const found = this.nodes.get(node);
          if (found === undefined) return Promise.resolve();
          const { [key]: old, ...others } = found.labels;
          if (old !== value) this.moves.push({ node, from: old, to: value });
          found.labels = value === undefined ? others : { ...others, [key]: value };
          return Promise.resolve();
        },
      },
      rendering: {
        ...{ targetsOf, imagesOf, versionLabel },
        renderTarget: (given) => {
          this.renders += 1;
          return renderTarget(given);
        },
      },
    });
  }

  readonly moves: { node: string; from: string | undefined; to: string | undefined }[] = [];

  view(target: Target): TargetView {
    const nodes = [...this.nodes.values()].filter(({ labels }) =>
      target.group === undefined
        ? matchesSelector(target.labelSelector ?? {}, labels)
        : labels[BELONGING_TO] === target.group,
    );
    const workloads = [...this.daemonSets.values()]
      .filter((daemonSet) => daemonSet.target === target.name)
      .map(({ name, version: of, revision, isObserved, status }): WorkloadView => ({
        ...{ kind: "DaemonSet", name, revision, isObserved, ...status, countsAway: this.toleratesAway },
        ...(of !== undefined && { version: of }),
      }));
    return { name: target.name, nodes: structuredClone(nodes), workloads };
  }

  /** The reconciler: asks, stores, applies, prunes. @param lag how many versions the cache is behind */
  async reconcile(lag = 0): Promise<RolloutStep> {
    const app = this.history.at(-lag) ?? this.app;
    const input: RolloutInput = {
      app: structuredClone(lag === 0 ? this.app : app),
      groups: [],
      view: (target) => this.view(target),
    };
    const step = await this.rollout.step(input, new AbortController().signal);
    this.last = step;
    this.store(step);
    for (const plan of step.targets) {
      const { children } = renderTarget({
        ...{ owner: OWNER, spec: plan.spec, target: plan.target },
        ...(plan.maxUnavailable !== undefined && { maxUnavailable: plan.maxUnavailable }),
      });
      for (const child of children) if (plan.holds?.(child) !== true) this.apply(child, plan.revision);
    }
    this.prune(step);
    return step;
  }

  private write(app: EdgeApplication): void {
    this.history.push(this.app);
    const resourceVersion = String(Number(this.app.metadata.resourceVersion) + 1);
    this.app = { ...app, metadata: { ...app.metadata, resourceVersion } };
  }

  private store(step: RolloutStep): void {
    this.beforeWrite();
    const targets = step.targets.map(({ target, revision }) => ({ name: target.name, revision }));
    const conditions = step.conditions.map((words) => ({ ...words, lastTransitionTime: "" }));
    const status = { targets, conditions, ...(step.status && { rollout: step.status }) };
    if (JSON.stringify(status) !== JSON.stringify(this.app.status))
      this.write({ ...this.app, status: structuredClone(status) });
  }

  private apply({ object, target = "", version: of }: Child, revision: string): void {
    const { image, maxUnavailable } = contentOf(object);
    const name = object.metadata.name;
    const old = this.daemonSets.get(name);
    const isSame = old?.image === image && old.maxUnavailable === maxUnavailable;
    if (isSame && old.revision === revision) return;
    this.beforeWrite();
    const status = old?.status ?? { desired: 0, upToDate: 0, available: 0, misplaced: 0 };
    // Without a change of its spec a DaemonSet has nothing to observe.
    const isObserved = isSame && old.isObserved;
    const made = { name, target, version: of, revision, image, maxUnavailable, isObserved, status };
    this.daemonSets.set(name, made);
  }

  private prune(step: RolloutStep): void {
    const planned = new Set(
      step.targets.flatMap(({ target, spec }) =>
        renderTarget({ owner: OWNER, spec, target }).children.map(({ object }) => object.metadata.name),
      ),
    );
    for (const { name, target, version: of } of [...this.daemonSets.values()]) {
      if (planned.has(name) || step.keeps({ target, ...(of !== undefined && { version: of }) })) continue;
      this.beforeWrite();
      this.daemonSets.delete(name);
    }
  }

  /** Time passes, step by step, until it holds. */
  async until(holds: () => boolean, { rounds = 200, ms = 1000, each }: UntilOptions = {}): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      await this.reconcile();
      each?.();
      if (holds()) return;
      this.tick();
      each?.();
      this.nowMs += ms;
    }
    throw new Error(`it does not hold: ${JSON.stringify(this.app.status?.rollout)}`);
  }

  get phase(): string | undefined {
    return this.app.status?.rollout?.phase;
  }
}

interface UntilOptions {
  readonly rounds?: number;
  readonly ms?: number;
  /** What must hold all the time. */
  readonly each?: () => void;
}

function contentOf(object: Child["object"]): { readonly image: string; readonly maxUnavailable: number } {
  const spec = object["spec"] as {
    template: { spec: { containers: { image: string }[] } };
    updateStrategy?: { rollingUpdate?: { maxUnavailable?: number } };
  };
  const [container] = spec.template.spec.containers;
  return {
    image: container?.image ?? "",
    maxUnavailable: spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1,
  };
}
