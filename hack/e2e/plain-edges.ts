// SPDX-License-Identifier: Apache-2.0
import { joinToken } from "../cluster/edge.ts";
import { joinNodes } from "../bench/edges/join.ts";
import type { Environment } from "./environment.ts";
import { startFleet } from "./fleet.ts";
import { PlainEdge } from "./plain-edge/edge.ts";
import type { JobOrder } from "./plain-edge/messages.ts";

export type { JobOrder } from "./plain-edge/messages.ts";

export interface PlainEdgesOptions {
  readonly names: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** As its Node says it, such as v1.20.0; default v1.23.1. */
  readonly version?: (name: string) => string;
  /** What becomes of an order; undefined: it is never answered. Default: it succeeds. */
  readonly succeeds?: (name: string, order: JobOrder) => boolean | undefined;
}

/** Edges of KubeEdge, as far as the hub and the API server see of them: Nodes that are Ready, each with a session. */
export interface PlainEdges {
  /** In the order in which they came. */
  ordersOf(name: string): readonly JobOrder[];
  /** Its session ends, and its Node is not Ready some time later. */
  goAway(name: string): void;
  comeBack(name: string): Promise<void>;
  close(): Promise<void>;
}

export async function startPlainEdges(env: Environment, options: PlainEdgesOptions): Promise<PlainEdges> {
  const { names, labels = {}, version = () => "v1.23.1", succeeds = () => true } = options;
  const { kubectl, layout, ports } = env;
  const kubeletVersion = (name: string): string => `v1.32.10-kubeedge-${version(name)}`;
  const fleet = await startFleet(layout.kubeconfig, { names, labels, kubeletVersion });
  const target = { join: `127.0.0.1:${ports.join}`, token: await joinToken(kubectl) };
  const { ca, identities } = await joinNodes(target, names);
  const edges = new Map(
    identities.map((identity) => [
      identity.node,
      new PlainEdge({
        ...{ identity, ca, hub: `127.0.0.1:${ports.tunnel}` },
        succeeds: (order) => succeeds(identity.node, order),
      }),
    ]),
  );
  await Promise.all([...edges.values()].map((edge) => edge.start()));
  const edgeOf = (name: string): PlainEdge => {
    const edge = edges.get(name);
    if (edge === undefined) throw new Error(`${name} is none of these edges`);
    return edge;
  };
  return {
    ordersOf: (name) => [...edgeOf(name).orders],
    goAway(name) {
      edgeOf(name).stop();
      fleet.goAway(name);
    },
    async comeBack(name) {
      await fleet.comeBack(name);
      await edgeOf(name).start();
    },
    async close() {
      for (const edge of edges.values()) edge.stop();
      await fleet.close();
    },
  };
}
