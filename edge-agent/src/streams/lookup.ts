// SPDX-License-Identifier: Apache-2.0
import { ContainerState, PodSandboxState, type Container, type PodSandbox } from "@longshore/crds/cri";
import { StreamError } from "@longshore/crds/stream";
import type { Clock } from "../clock.ts";
import type { Cri } from "../cri/index.ts";
import { LABEL, type KnownPod, type KnownPods } from "../pods/index.ts";
import { isWaiting, noSuchPod, whyNoRun } from "./no-run.ts";
import type { ContainerRun, ContainerTarget, PodLookup } from "./port.ts";

/** What looking up pods needs. */
export interface LookupDeps {
  /** @throws {StreamError} INTERNAL while there is no runtime */
  readonly cri: () => Pick<Cri, "listContainers" | "listPodSandbox">;
  readonly pods: Pick<KnownPods, "get">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

const LOOK_AGE_MS = 1_000;

type PodTarget = Omit<ContainerTarget, "container">;
type Labelled = Pick<Container | PodSandbox, "labels" | "createdAt">;

/** Finds what runs by the labels that the runtime keeps, so it knows pods that an earlier agent or a kubelet started. */
export function createPodLookup(deps: LookupDeps): PodLookup {
  const known = (target: PodTarget): KnownPod | undefined => {
    const found = deps.pods.get(target.namespace, target.pod);
    return target.uid === "" || found?.pod.metadata.uid === target.uid ? found : undefined;
  };
  const running = createSharedLook(async () => {
    const containers = await deps.cri().listContainers();
    return new Set(containers.filter(isRunning).map(({ id }) => id));
  }, deps.clock);
  return {
    runs: async (target) => {
      const pod = known(target);
      const listed = await deps.cri().listContainers();
      // Whoever asks next whether one of these runs is not to be told by a look that may not have seen it.
      running.forget();
      const named = listed.filter((c) => c.labels[LABEL.containerName] === target.container);
      const [newest, ...older] = ofPod(named, target, pod).filter(hasRun).sort(newestFirst).map(runOf);
      if (newest === undefined) throw whyNoRun(target, pod);
      const willRestart = !newest.isRunning && isWaiting(pod, target.container);
      return [{ ...newest, willRestart }, ...older];
    },
    sandbox: async (target) => {
      const pod = known(target);
      const all = ofPod(await deps.cri().listPodSandbox(), target, pod);
      const ready = all.filter(({ state }) => state === PodSandboxState.SANDBOX_READY).sort(newestFirst)[0];
      if (ready !== undefined) return ready.id;
      if (pod === undefined && all.length === 0) throw noSuchPod(target);
      throw new StreamError("NOT_FOUND", `pod "${target.namespace}/${target.pod}" is not running`);
    },
    isRunning: (id) =>
      running.get().then(
        (ids) => ids.has(id),
        () => true,
      ),
  };
}

const isRunning = ({ state }: Container): boolean => state === ContainerState.CONTAINER_RUNNING;
/** One that was only made has no process and no log yet. */
const hasRun = ({ state }: Container): boolean => state !== ContainerState.CONTAINER_CREATED;

/** What belongs to one pod: the one with that uid; of an asker who knows none, the one wanted here, else the newest. */
function ofPod<T extends Labelled>(items: readonly T[], target: PodTarget, known: KnownPod | undefined): T[] {
  const named = items.filter(
    ({ labels }) => labels[LABEL.podNamespace] === target.namespace && labels[LABEL.podName] === target.pod,
  );
  const uid = target.uid || known?.pod.metadata.uid || uidOf(named.toSorted(byCreation)[0]);
  return named.filter((item) => uidOf(item) === uid);
}

const uidOf = (item: Labelled | undefined): string => item?.labels[LABEL.podUid] ?? "";
const attemptOf = ({ metadata }: Container | PodSandbox): number => metadata?.attempt ?? 0;
const byCreation = (a: Labelled, b: Labelled): number => Number(b.createdAt - a.createdAt);
const newestFirst = <T extends Container | PodSandbox>(a: T, b: T): number =>
  attemptOf(b) - attemptOf(a) || byCreation(a, b);

const runOf = (container: Container): ContainerRun => ({
  id: container.id,
  podUid: uidOf(container),
  attempt: attemptOf(container),
  isRunning: isRunning(container),
});

interface SharedLook<T> {
  get(): Promise<T>;
  /** The next who asks has a look of its own. */
  forget(): void;
}

/** One look serves all who ask within a second of its beginning; one that failed serves only those who waited for it. */
function createSharedLook<T>(look: () => Promise<T>, clock: Pick<Clock, "monotonicMs">): SharedLook<T> {
  let latest: { readonly atMs: number; readonly result: Promise<T> } | undefined;
  return {
    get: () => {
      const nowMs = clock.monotonicMs();
      if (latest !== undefined && nowMs - latest.atMs < LOOK_AGE_MS) return latest.result;
      const mine = { atMs: nowMs, result: look() };
      latest = mine;
      mine.result.catch(() => {
        if (latest === mine) latest = undefined;
      });
      return mine.result;
    },
    forget: () => {
      latest = undefined;
    },
  };
}
