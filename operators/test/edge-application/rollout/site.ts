// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO, versionLabel } from "@longshore/crds/apps";

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

export interface SimDaemonSet {
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

/** Nodes, pods and DaemonSets, and what the DaemonSet controller does: as Kubernetes' own, as far as it counts. */
export class Site {
  readonly nodes = new Map<string, SimNode>();
  readonly daemonSets = new Map<string, SimDaemonSet>();
  pods: SimPod[] = [];
  /** Ready nodes whose working pod was taken away by an update or a move. */
  readonly disturbed = new Set<string>();
  /** Pods tolerate the taint of nodes that are away. */
  toleratesAway = false;
  /** Every image that a node's pod was started with. */
  readonly started = new Map<string, string[]>();
  isBroken: (image: string) => boolean = () => false;

  addNodes(group: string, names: readonly string[]): void {
    for (const name of names)
      this.nodes.set(name, { name, isReady: true, labels: { [BELONGING_TO]: group } });
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
}
