// SPDX-License-Identifier: Apache-2.0
import { expect } from "@jest/globals";
import type { PodObject } from "../cluster/objects.ts";
import type { Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { pod, type PodWish } from "./manifests.ts";

const RUNNING_MS = 60_000;

/** Applies pods and waits until all of their containers are ready. */
export async function runPods(env: Environment, ...wishes: readonly PodWish[]): Promise<void> {
  for (const wish of wishes) await env.kubectl.apply(pod(wish));
  for (const { namespace, name } of wishes) await podRuns(env, namespace, name);
}

export const podRuns = (env: Environment, namespace: string, name: string): Promise<PodObject> =>
  eventually(
    async () => {
      const found = await env.pod(namespace, name);
      expect(found?.status.phase).toBe("Running");
      const statuses = found?.status.containerStatuses ?? [];
      expect(statuses.map(({ ready }) => ready)).toEqual(statuses.map(() => true));
      return found!;
    },
    { timeoutMs: RUNNING_MS },
  );
