// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type {
  EdgeApplicationBatch,
  EdgeApplicationSpec,
  EdgeApplicationVersion,
  RenderedSpec,
} from "@longshore/crds/apps";
import { Cluster, Crash, KEY, manifest, version } from "./cluster.ts";

const ROUNDS = 120;
const GROUPS = ["a", "b", "c"];
const CAP = 2;
const FORWARD = ["PrePulling", "Progressing", "Verifying"];

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ten nodes a group, and everything that may go wrong. */
export class Chaos {
  readonly next: () => number;
  readonly cluster: Cluster;
  private images = 0;
  private hasFresh = true;
  /** How many versions of the application came before the one that the process has read. */
  private seen = 0;
  private readonly failing = new Set<string>();
  private readonly broken = new Set<string>();

  constructor(seed: number) {
    this.next = random(seed);
    this.cluster = new Cluster({
      workloadScope: { targetNodeGroups: GROUPS.map((name) => ({ name })) },
      workloadTemplate: { manifests: [manifest("i0")] },
      rollout: {
        maxUnavailable: CAP,
        batches: GROUPS.slice(0, 2).map((name) => ({ name, targets: [name] })),
        checks: [{ name: "errors", query: "q", operator: "<", threshold: "1" }],
        checkPolicy: { initialDelaySeconds: 1, intervalSeconds: 1, successes: 2 },
        progressDeadlineSeconds: 60,
      },
    });
    this.cluster.toleratesAway = seed % 2 === 0;
    for (const group of GROUPS) this.cluster.addNodes(group, this.names(group));
    this.cluster.isBroken = (image) => this.broken.has(image);
    this.cluster.measure = () => ({
      value: this.cluster.pods.some(({ image }) => this.failing.has(image)) ? 7 : 0,
    });
  }

  private names = (group: string): string[] => Array.from({ length: 10 }, (_, index) => `${group}-${index}`);
  private is = (share: number): boolean => this.next() < share;
  private one = <T>(list: readonly T[]): T => list[Math.floor(this.next() * list.length)] as T;

  private image(): string {
    this.images += 1;
    const tag = `i${this.images}`;
    if (this.is(0.2)) this.failing.add(`cache:${tag}`);
    else if (this.is(0.15)) this.broken.add(`cache:${tag}`);
    return tag;
  }

  private edit(): void {
    const kind = this.next();
    this.cluster.edit((spec) => {
      if (kind < 0.4) return { ...spec, workloadTemplate: { manifests: [manifest(this.image())] } };
      if (kind < 0.55)
        return { ...spec, rollout: { ...spec.rollout, paused: spec.rollout?.paused !== true } };
      if (kind < 0.65) return { ...spec, rollout: { ...spec.rollout, batches: this.batches() } };
      if (kind < 0.7) return { ...spec, workloadScope: this.scope() };
      return { ...spec, rollout: { ...spec.rollout, versions: this.versions() } };
    });
  }

  /** In the same order: under other names, or fewer of them. */
  private batches(): EdgeApplicationBatch[] {
    const prefix = this.one(["", "wave-", "step-"]);
    return GROUPS.slice(0, Math.floor(this.next() * 4)).map((name) => ({
      name: `${prefix}${name}`,
      targets: [name],
    }));
  }

  /** All groups, or all but the last. */
  private scope(): EdgeApplicationSpec["workloadScope"] {
    const names = this.is(0.5) ? GROUPS : GROUPS.slice(0, 2);
    return { targetNodeGroups: names.map((name) => ({ name })) };
  }

  /** None, one, or two versions; hosts move between them. */
  private versions(): EdgeApplicationVersion[] {
    const hosts = GROUPS.flatMap((group) => this.names(group)).filter(() => this.is(0.4));
    const cut = this.is(0.5) ? hosts.length : Math.floor(hosts.length / 2);
    if (this.is(0.3)) return [];
    const first = version("x", hosts.slice(0, cut), this.image());
    return cut === hosts.length ? [first] : [first, version("y", hosts.slice(cut), this.image())];
  }

  private disturb(): void {
    const { cluster } = this;
    if (this.is(0.1)) cluster.goAway(this.one([...cluster.nodes.keys()]));
    if (this.is(0.1)) cluster.comeBack(this.one([...cluster.nodes.keys()]));
    if (this.is(0.04)) this.edit();
    if (this.is(0.05)) this.restart();
  }

  private restart(): void {
    this.cluster.restart();
    this.hasFresh = true;
  }

  /** A new process begins with what is there now; later its cache may be behind, but never goes back. */
  private async reconcile(): Promise<void> {
    const { history } = this.cluster;
    const lag = !this.hasFresh && this.is(0.3) ? 1 + Math.floor(this.next() * 2) : 0;
    const unseen = this.hasFresh ? 0 : history.length - this.seen;
    this.hasFresh = false;
    this.seen = history.length - Math.min(lag, unseen);
    try {
      await this.cluster.reconcile(history.length - this.seen);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.restart();
    }
  }

  async run(check: () => void): Promise<void> {
    const { cluster } = this;
    cluster.beforeWrite = () => {
      if (this.is(0.02)) throw new Crash("it ends here");
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      this.disturb();
      await this.reconcile();
      check();
      cluster.tick(() => this.is(0.7));
      check();
      cluster.nowMs += 1000;
    }
  }

  /** Nothing goes wrong any more. */
  async calm(check: () => void): Promise<void> {
    const { cluster } = this;
    cluster.beforeWrite = () => undefined;
    for (const name of cluster.nodes.keys()) cluster.comeBack(name);
    cluster.edit((spec) => ({
      ...spec,
      workloadScope: { targetNodeGroups: GROUPS.map((name) => ({ name })) },
      rollout: { ...spec.rollout, paused: false },
    }));
    for (let round = 0, quiet = 0; round < 1000 && quiet < 20; round += 1) {
      await cluster.reconcile();
      quiet = isAtRest(cluster.phase) ? quiet + 1 : 0;
      check();
      cluster.tick();
      check();
      cluster.nowMs += 1000;
    }
  }
}

/** What must never be. */
export function watch(cluster: Cluster): () => void {
  const checkFailed = watchFailed(cluster);
  const checkDone = watchDone(cluster);
  const before = new Map<string, number>();
  return () => {
    for (const group of GROUPS) {
      const disturbed = cluster.nodesOf(group).filter(({ name }) => cluster.disturbed.has(name));
      const down = disturbed.filter(({ name }) => isDown(cluster, name, group)).length;
      // What may be down can become less while that many still start. And a new revision may have the image of one that
      // was given up: then it has its dead pods, but no more are down than were before.
      const most = Math.max(allowed(cluster, group), before.get(group) ?? 0);
      assert.ok(down <= most, `${down} of ${group} are down`);
      before.set(group, disturbed.length);
    }
    const { phase = "", updatedTargets = [] } = cluster.app.status?.rollout ?? {};
    if (FORWARD.includes(phase)) assertSame(updatedTargets, GROUPS.slice(0, updatedTargets.length));
    checkFailed();
    checkDone();
  };
}

/** A node that is back for so many checks, two a round, was seen by the DaemonSet controller. */
const SEEN_CHECKS = 12;

/** A batch is done, and checked, only when none of its hosts that are ready has a pod that never works. */
function watchDone(cluster: Cluster): () => void {
  let before = "";
  let checks = new Map<string, number>();
  return () => {
    const { phase, revision, batch = 0, batchName = "" } = cluster.app.status?.rollout ?? {};
    const now = JSON.stringify([phase, revision, batchName]);
    const isDone = phase === "Verifying" && now !== before && !before.includes("Paused");
    before = now;
    const ready = [...cluster.nodes.values()].filter(({ isReady }) => isReady);
    checks = new Map(ready.map(({ name }) => [name, (checks.get(name) ?? 0) + 1]));
    const groups = batchName === "rest" ? GROUPS.slice(batch - 1) : [batchName.slice(-1)];
    const own = isDone ? groups.flatMap((group) => deadOf(cluster, group)) : [];
    const dead = own.filter((node) => (checks.get(node) ?? 0) >= SEEN_CHECKS);
    assert.ok(dead.length === 0, `${batchName} is done, and dead are ${dead.join()}`);
  };
}

/** Nodes of the group whose pod never works. */
function deadOf(cluster: Cluster, group: string): string[] {
  const names = new Set(cluster.nodesOf(group).map(({ name }) => name));
  const dead = cluster.pods.filter(({ node, image }) => names.has(node) && cluster.isBroken(image));
  return dead.map(({ node }) => node);
}

/** Who does not have a revision when it fails never gets it. */
function watchFailed(cluster: Cluster): () => void {
  let failed = "";
  let had: ReadonlySet<string> = new Set();
  return () => {
    const { failedRevision = "" } = cluster.app.status?.rollout ?? {};
    const daemonSets = [...cluster.daemonSets.values()].filter(({ revision }) => revision === failedRevision);
    const has = new Set(daemonSets.map(({ target }) => target));
    if (failed === failedRevision)
      for (const target of has) assert.ok(had.has(target), `${target} got what had failed`);
    failed = failedRevision;
    had = has;
  };
}

/** By what goes on now: not by a revision that never started there and was given up, nor one that is overdue. */
function isDown(cluster: Cluster, node: string, group: string): boolean {
  return !isOverdue(cluster) && !isGivenUp(cluster, node, group);
}

function isOverdue({ app, nowMs }: Cluster): boolean {
  const { phase, phaseStartTime = "" } = app.status?.rollout ?? {};
  return phase === "RollingBack" && nowMs - Date.parse(phaseStartTime) >= 60_000;
}

function isGivenUp(cluster: Cluster, node: string, group: string): boolean {
  const pod = cluster.pods.find((one) => one.node === node);
  if (pod === undefined || !cluster.isBroken(pod.image)) return false;
  const target = cluster.app.status?.targets?.find(({ name }) => name === group);
  return cluster.daemonSets.get(pod.daemonSet)?.revision !== target?.revision;
}

/**
 * A DaemonSet that was told of nodes that are away keeps that until it is told that they are back. And its counts do
 * not tell whose pods are old: a node that goes away with a new pod hides an old pod elsewhere.
 */
function allowed(cluster: Cluster, group: string): number {
  const away = cluster
    .nodesOf(group)
    .filter(({ isReady }) => !isReady)
    .map(({ name }) => name);
  const own = [...cluster.daemonSets.values()].filter(({ target }) => target === group);
  const stale = Math.max(0, ...own.map(({ maxUnavailable }) => maxUnavailable - CAP - away.length));
  const isNew = ({ daemonSet, image }: { daemonSet: string; image: string }): boolean =>
    cluster.daemonSets.get(daemonSet)?.image === image;
  return CAP + stale + cluster.pods.filter((pod) => away.includes(pod.node) && isNew(pod)).length;
}

export function expectAtRest(cluster: Cluster): void {
  const { phase = "", stableRevision = "" } = cluster.app.status?.rollout ?? {};
  if (phase === "Failed") return;
  const { base, groups, versions } = contentOf(cluster.revisions.get(stableRevision));
  const versionFor = (name: string): Version | undefined =>
    groups.some((group) => name.startsWith(`${group}-`))
      ? versions.find(({ nodes }) => nodes.includes(name))
      : undefined;
  const wanted = [...cluster.nodes.keys()]
    .filter((name) => groups.some((group) => name.startsWith(`${group}-`)))
    .map((name) => [name, versionFor(name)?.tag ?? base]);
  // All hosts of a version may have been away when its revision became the stable one: if its image never works, they
  // are without a pod, and the way back to it has no end.
  const reached = wanted.filter(([, tag]) => !cluster.isBroken(`cache:${tag}`));
  const hasNoEnd = phase === "RollingBack" && reached.length < wanted.length;
  assert.ok(isAtRest(phase) || hasNoEnd, `${phase} is no end`);
  assertSame(Object.entries(cluster.images()).sort(), reached.sort());
  for (const { name, labels } of cluster.nodes.values())
    assert.equal(labels[KEY], versionFor(name)?.name, `label of ${name}`);
  const daemonSets = groups.flatMap((group) => [
    `cache-${group}`,
    ...versions.map(({ name }) => `cache-${group}-${name}`),
  ]);
  assertSame([...cluster.daemonSets.keys()].sort(), daemonSets.sort());
}

interface Version {
  readonly name: string;
  readonly tag: string | undefined;
  readonly nodes: readonly string[];
}

interface Content {
  readonly base: string | undefined;
  readonly groups: readonly string[];
  readonly versions: readonly Version[];
}

function contentOf(spec: RenderedSpec | undefined): Content {
  const base = /cache:(i\d+)/.exec(JSON.stringify(spec?.workloadTemplate))?.[1];
  const versions = (spec?.rollout?.versions ?? []).map(({ name, nodes, overriders }) => ({
    ...{ name, nodes, tag: overriders?.imageOverriders?.[0]?.value },
  }));
  return {
    ...{ base, versions },
    groups: (spec?.workloadScope.targetNodeGroups ?? []).map(({ name }) => name),
  };
}

const isAtRest = (phase: string | undefined): boolean =>
  ["Completed", "RolledBack", "Failed"].includes(phase ?? "");

/** By content: arrays of the test's own realm and of structuredClone's are as good as each other. */
const assertSame = (actual: unknown, expected: unknown): void =>
  assert.equal(JSON.stringify(actual), JSON.stringify(expected));
