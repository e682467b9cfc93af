// SPDX-License-Identifier: Apache-2.0
import type { Kubectl } from "../cluster/kubectl.ts";
import type { Layout } from "../cluster/layout.ts";
import type { Say } from "../steps.ts";
import type { BenchCluster } from "./cluster.ts";
import type { Dialect } from "./edges/dialect.ts";
import type { NodeIdentity } from "./edges/edge.ts";

/** The running system that is measured. */
export interface Stage {
  readonly layout: Layout;
  readonly kubectl: Kubectl;
  readonly cluster: BenchCluster;
  /** Name of the node that the real agent is. */
  readonly node: string;
  /** host:port of the hub's tunnel */
  readonly hub: string;
  readonly ca: string;
  /** Simulated nodes, which exist in the API and hold a certificate: the load is on them. */
  readonly identities: readonly NodeIdentity[];
  readonly dialect: Dialect;
  readonly say: Say;
}
