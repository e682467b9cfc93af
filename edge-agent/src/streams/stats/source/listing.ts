// SPDX-License-Identifier: Apache-2.0
import {
  ContainerState,
  PodSandboxState,
  type Container,
  type ContainerStats,
  type FilesystemUsage,
  type PodSandbox,
  type PodSandboxStats,
} from "@longshore/crds/cri";
import { CriError, type Cri } from "../../../cri/index.ts";

/** What the runtime answered in one look. */
export interface Listing {
  readonly sandboxes: readonly PodSandbox[];
  readonly containers: readonly Container[];
  readonly stats: ReadonlyMap<string, ContainerStats>;
  readonly imageFs: FilesystemUsage | undefined;
  /** Why the runtime did not say what runs. */
  readonly fault: Error | undefined;
}

export type RuntimeCalls = Pick<
  Cri,
  "listPodSandbox" | "listContainers" | "listContainerStats" | "listPodSandboxStats" | "imageFsInfo"
>;

/** Bounds a call and tells of its failure; undefined stands for an answer that did not come. */
export type Attempt = <T>(part: string, call: () => Promise<T>) => Promise<T | Error>;

const orElse = <T>(answer: T | Error, otherwise: T): T => (answer instanceof Error ? otherwise : answer);

/** Asks everything at once. Statistics that fail leave what runs known, and cgroups fill their place. */
export async function listAll(cri: RuntimeCalls, attempt: Attempt): Promise<Listing> {
  const [sandboxes, containers, stats, imageFs] = await Promise.all([
    attempt("sandboxes", () => cri.listPodSandbox()),
    attempt("containers", () => cri.listContainers()),
    attempt("container-stats", () => cri.listContainerStats()),
    attempt("image-fs", () => cri.imageFsInfo()),
  ]);
  return {
    sandboxes: orElse(sandboxes, []),
    containers: orElse(containers, []),
    stats: new Map(orElse(stats, []).map((s) => [s.attributes?.id ?? "", s])),
    imageFs: orElse(imageFs, [])[0],
    fault: [sandboxes, containers].find((answer) => answer instanceof Error),
  };
}

/** The youngest of each key comes first and stays. */
function youngest<T extends { readonly createdAt: bigint }>(
  all: readonly T[],
  keyOf: (item: T) => string,
): T[] {
  const sorted = [...all].sort((a, b) => Number(b.createdAt - a.createdAt));
  return [...new Map(sorted.reverse().map((item) => [keyOf(item), item])).values()];
}

/** One ready sandbox for each pod: there may be two for a moment while a pod is made anew. */
export const readySandboxes = (sandboxes: readonly PodSandbox[]): readonly PodSandbox[] =>
  youngest(
    sandboxes.filter(({ state }) => state === PodSandboxState.SANDBOX_READY),
    (s) => s.metadata?.uid ?? s.id,
  );

/** One running container for each name in each sandbox. */
export const runningContainers = (containers: readonly Container[]): readonly Container[] =>
  youngest(
    containers.filter(({ state }) => state === ContainerState.CONTAINER_RUNNING),
    (c) => `${c.podSandboxId}/${c.metadata?.name ?? c.id}`,
  );

const STATES: readonly (readonly [ContainerState, string])[] = [
  [ContainerState.CONTAINER_CREATED, "created"],
  [ContainerState.CONTAINER_RUNNING, "running"],
  [ContainerState.CONTAINER_EXITED, "exited"],
  [ContainerState.CONTAINER_UNKNOWN, "unknown"],
];

/** How many containers there are in each state that any is in. */
export const statesOf = (containers: readonly Container[]): Record<string, number> =>
  Object.fromEntries(
    STATES.map(([state, name]) => [name, containers.filter((c) => c.state === state).length] as const).filter(
      ([, count]) => count > 0,
    ),
  );

/** How long a runtime that keeps no statistics of sandboxes is not asked again: it may be replaced meanwhile. */
const NOT_AGAIN_MS = 300_000;

/** Statistics of sandboxes by id; empty where the runtime keeps none. */
export function createSandboxStats(
  cri: RuntimeCalls,
  attempt: Attempt,
  monotonicMs: () => number,
): () => Promise<ReadonlyMap<string, PodSandboxStats>> {
  let askAgainAtMs = -Infinity;
  const ask = async (): Promise<readonly PodSandboxStats[]> => {
    try {
      return await cri.listPodSandboxStats();
    } catch (error) {
      if (!(error instanceof CriError && error.code === "UNIMPLEMENTED")) throw error;
      askAgainAtMs = monotonicMs() + NOT_AGAIN_MS;
      return [];
    }
  };
  return async () => {
    if (monotonicMs() < askAgainAtMs) return new Map();
    const stats = orElse(await attempt("sandbox-stats", ask), []);
    return new Map(stats.map((s) => [s.attributes?.id ?? "", s]));
  };
}
