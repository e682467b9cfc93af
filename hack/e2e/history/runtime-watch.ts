// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { ctr, runningTasks } from "../../cluster/containerd.ts";
import type { Layout } from "../../cluster/layout.ts";
import type { Created } from "./events.ts";

const EVERY_MS = 400;

/** What the container runtime has, followed from beside the agent. */
export interface RuntimeWatch {
  /** Every container and sandbox that was ever seen. */
  created(): readonly Created[];
  /** Ids of the containers that run now, sandboxes left out, by uid of the pod. */
  running(): Promise<Map<string, string[]>>;
  stop(): Promise<void>;
}

interface Info {
  readonly Labels: Readonly<Record<string, string>>;
}

/** Looks again and again; while the runtime is dead there is nothing to see, and nothing to miss. */
export function watchRuntime(layout: Layout): RuntimeWatch {
  const seen = new Map<string, Created>();
  const stopping = new AbortController();

  const learn = async (id: string): Promise<Created | undefined> => {
    const known = seen.get(id);
    if (known !== undefined) return known;
    const info = JSON.parse(await ctr(layout, "containers", "info", id)) as Info;
    const uid = info.Labels["io.kubernetes.pod.uid"];
    if (uid === undefined) return undefined;
    const container = info.Labels["io.kubernetes.container.name"] ?? "";
    const created: Created = { type: "created", atMs: Date.now(), id, uid, container };
    seen.set(id, created);
    return created;
  };
  const look = async (): Promise<void> => {
    const ids = (await ctr(layout, "containers", "ls", "--quiet")).split("\n").filter(Boolean);
    for (const id of ids) await learn(id).catch(() => undefined); // removed meanwhile
  };
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await look().catch(() => undefined); // the runtime is dead now
      await sleep(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const looping = loop();
  return {
    created: () => [...seen.values()],
    running: async () => {
      const running = new Map<string, string[]>();
      for (const id of await runningTasks(layout)) {
        const created = await learn(id);
        if (created !== undefined && created.container !== "")
          running.set(created.uid, [...(running.get(created.uid) ?? []), id]);
      }
      return running;
    },
    stop: () => {
      stopping.abort();
      return looping;
    },
  };
}
