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
  type RolloutInput,
  type RolloutStep,
  type TargetView,
  type WorkloadView,
} from "../../../src/edge-application/rollout/index.ts";
import type { Measured, PrePullState } from "../../../src/edge-application/rollout/port.ts";
import { silentLog } from "../../../src/runtime/index.ts";

/** A process that ends between two writes. */
export class Crash extends Error {}

export interface SimNode {
  readonly name: string;
  isReady: boolean;
  labels: Record<string, string>;
}

interface SimPod {
  readonly node: string;
  readonly daemonSet: string;
  readonly image: string;
  isAvailable: boolean;
  /** Told to end, on a node that is away: it goes when the node is back. */
  isEnding?: boolean;
}

interface SimDaemonSet {
  readonly name: string;
  readonly target: string;
  readonly version: string | undefined;
  revision: string;
  image: string;
  maxUnavailable: number;
  isObserved: boolean;
  status: { desired: number; upToDate: number; available: number; misplaced: number };
}

export const OWNER = { namespace: "cdn", name: "cache", uid: "u1" };
export const KEY = versionLabel(OWNER);

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
export class Cluster {
  nowMs = Date.parse("2030-01-01T00:00:00Z");
  readonly nodes = new Map<string, SimNode>();
  readonly daemonSets = new Map<string, SimDaemonSet>();
  pods: SimPod[] = [];
  readonly revisions = new Map<string, RenderedSpec>();
  app: EdgeApplication;
  /** Versions of the application, the newest last; a late cache has an older one. */
  readonly history: EdgeApplication[] = [];
  /** Ready nodes whose working pod was taken away by an update or a move. */
  readonly disturbed = new Set<string>();
  /** Pods tolerate the taint of nodes that are away. */
  toleratesAway = false;
  /** Every image that a node's pod was started with. */
  readonly started = new Map<string, string[]>();
  measure: () => Measured = () => ({ value: 0 });
  pull: PrePullState = { state: "pulled" };
  readonly pulls: { images: readonly string[]; nodes: readonly string[]; batch: number }[] = [];
  isBroken: (image: string) => boolean = () => false;
  /** Called before each write; may throw Crash. */
  beforeWrite: () => void = () => undefined;
  last: RolloutStep | undefined;
  queries = 0;
  /** Targets that the rollout had rendered. */
  renders = 0;
  private rollout = this.process();

  constructor(spec: EdgeApplicationSpec) {
    this.app = {
      ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", spec },
      metadata: { ...OWNER, resourceVersion: "1" },
    };
  }

  addNodes(group: string, names: readonly string[]): void {
    for (const name of names)
      this.nodes.set(name, { name, isReady: true, labels: { [BELONGING_TO]: group } });
  }

  edit(change: (spec: EdgeApplicationSpec) => EdgeApplicationSpec): void {
    this.write({ ...this.app, spec: change(structuredClone(this.app.spec)) });
  }

  /** A new process: nothing is remembered. */
  restart(): void {
    this.rollout = this.process();
  }

  private process(): ReturnType<typeof createRollout> {
    const nameOf = (spec: RenderedSpec): string => {
      return `r-${createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 8)}`;
    };
    return createRollout({
      clock: { wallMs: () => this.nowMs },
      log: silentLog,
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

  nodesOf(target: string): SimNode[] {
    return [...this.nodes.values()].filter(({ labels }) => labels[BELONGING_TO] === target);
  }

  /** What the DaemonSet controller and the nodes do in a while. @param chance whether something that may happen does */
  tick(chance: () => boolean = () => true): void {
    for (const daemonSet of this.daemonSets.values()) if (chance()) this.control(daemonSet);
    this.pods = this.pods.filter(({ daemonSet, node }) => this.daemonSets.has(daemonSet) || !this.end(node));
    for (const pod of this.pods.filter(({ isEnding }) => isEnding)) this.remove(pod);
    for (const pod of this.pods) if (this.canRun(pod) && chance()) this.start(pod);
    for (const daemonSet of this.daemonSets.values()) if (chance()) this.report(daemonSet);
  }

  private canRun({ node, image }: SimPod): boolean {
    return this.nodes.get(node)?.isReady === true && !this.isBroken(image);
  }

  private start(pod: SimPod): void {
    pod.isAvailable = true;
    this.disturbed.delete(pod.node);
  }

  private eligible({ target, version: of }: SimDaemonSet): SimNode[] {
    return this.nodesOf(target).filter(({ labels }) => labels[KEY] === of);
  }

  private control(daemonSet: SimDaemonSet): void {
    daemonSet.isObserved = true;
    const eligible = new Set(this.eligible(daemonSet).map(({ name }) => name));
    const own = this.pods.filter((pod) => pod.daemonSet === daemonSet.name);
    for (const pod of own) if (!eligible.has(pod.node)) this.remove(pod);
    this.update(daemonSet);
    for (const node of this.counted(daemonSet)) this.create(daemonSet, node);
    this.report(daemonSet);
  }

  /** Nodes that should run it: a node that is away has a taint. */
  private counted(daemonSet: SimDaemonSet): ReadonlySet<string> {
    const counted = this.eligible(daemonSet).filter(({ isReady }) => isReady || this.toleratesAway);
    return new Set(counted.map(({ name }) => name));
  }

  /**
   * Old pods that do not work go at once, others as far as the cap allows. What it keeps on nodes that should not run
   * it counts as unavailable, as nodes without a pod do.
   */
  private update(daemonSet: SimDaemonSet): void {
    const { image, maxUnavailable } = daemonSet;
    const own = this.pods.filter((pod) => pod.daemonSet === daemonSet.name);
    const nodes = new Set([...this.counted(daemonSet), ...own.map(({ node }) => node)]);
    const unavailable = nodes.size - own.filter(({ isAvailable }) => isAvailable).length;
    const old = own.filter((pod) => pod.image !== image);
    const working = old.filter(({ isAvailable }) => isAvailable);
    for (const pod of old) if (!pod.isAvailable) this.remove(pod);
    for (const pod of working.slice(0, Math.max(0, maxUnavailable - unavailable))) this.remove(pod);
  }

  /** A new pod starts when the old one is gone, of whichever DaemonSet. */
  private create({ name, image }: SimDaemonSet, node: string): void {
    if (this.nodes.get(node)?.isReady !== true || this.pods.some((pod) => pod.node === node)) return;
    this.pods.push({ node, daemonSet: name, image, isAvailable: false });
    this.started.set(node, [...(this.started.get(node) ?? []), image]);
  }

  /** A pod on a node that is away ends when the node is back. */
  private remove(pod: SimPod): void {
    if (!this.end(pod.node, pod.isAvailable)) {
      pod.isEnding = true;
      return;
    }
    this.pods = this.pods.filter((one) => one !== pod);
  }

  private end(node: string, wasAvailable = false): boolean {
    const found = this.nodes.get(node);
    if (found?.isReady === false) return false;
    if (found !== undefined && wasAvailable) this.disturbed.add(node);
    return true;
  }

  private report(daemonSet: SimDaemonSet): void {
    const counted = this.counted(daemonSet);
    const all = this.pods.filter((pod) => pod.daemonSet === daemonSet.name);
    const own = all.filter(({ node }) => counted.has(node));
    daemonSet.status = {
      desired: counted.size,
      upToDate: own.filter(({ image }) => image === daemonSet.image).length,
      available: own.filter(({ isAvailable }) => isAvailable).length,
      misplaced: all.length - own.length,
    };
  }

  goAway(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    node.isReady = false;
    this.disturbed.delete(name);
    for (const pod of this.pods) if (pod.node === name) pod.isAvailable = false;
    for (const daemonSet of this.daemonSets.values()) this.report(daemonSet);
  }

  comeBack(name: string): void {
    const node = this.nodes.get(name);
    if (node !== undefined) node.isReady = true;
  }

  /** Image of each node's working pod. */
  images(): Record<string, string> {
    const working = this.pods.filter(({ isAvailable }) => isAvailable);
    const entries = working.map(({ node, image }): [string, string] => [node, image.replace("cache:", "")]);
    return Object.fromEntries(entries);
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
