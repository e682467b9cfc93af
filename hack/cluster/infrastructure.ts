// SPDX-License-Identifier: Apache-2.0
import type { Steps } from "../steps.ts";
import { startContainerd } from "./containerd.ts";
import { startControlPlane } from "./control-plane.ts";
import type { Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";
import { startRedis } from "./redis.ts";

export interface InfrastructureOptions {
  /** Folder of the control plane's programs; undefined when a cluster of the user's is used. */
  readonly bin: string | undefined;
  readonly nodeGraceSeconds: number;
}

/** Starts what Longshore stands on: a control plane, Redis and containerd. */
export async function startInfrastructure(
  layout: Layout,
  ports: Ports,
  steps: Steps,
  options: InfrastructureOptions,
): Promise<void> {
  const { bin, nodeGraceSeconds } = options;
  if (bin !== undefined) {
    await steps.run("Start the control plane", (say) =>
      startControlPlane(layout, ports, { bin, nodeGraceSeconds }, say),
    );
  }
  await steps.run("Start Redis", () => startRedis(layout, ports));
  await steps.run("Start containerd", (say) => startContainerd(layout, say));
}
