// SPDX-License-Identifier: Apache-2.0

/** A container of a pod, as a stream names it. */
export interface ContainerTarget {
  readonly namespace: string;
  readonly pod: string;
  /** "" when the asker does not know it: a CloudCore does not tell */
  readonly uid: string;
  readonly container: string;
}

/** One run of a container that the runtime still knows. */
export interface ContainerRun {
  readonly id: string;
  readonly podUid: string;
  readonly attempt: number;
  readonly isRunning: boolean;
  /** Dead, and to be started again: waiting, as a kubelet says, so that `--previous` means this very run. */
  readonly willRestart?: boolean;
}

/** What runs on this node, for those who are asked about it by name. */
export interface PodLookup {
  /**
   * Runs of one container, the newest first.
   *
   * @throws {StreamError} NOT_FOUND when no such pod is on this node; BAD_REQUEST when its container has not run
   *   yet, with what it waits for
   */
  runs(target: ContainerTarget): Promise<readonly [ContainerRun, ...ContainerRun[]]>;
  /** Id of the sandbox of a pod. @throws {StreamError} NOT_FOUND when there is none that is ready */
  sandbox(target: Omit<ContainerTarget, "container">): Promise<string>;
  /**
   * Whether a container runs; one look at the runtime a second serves everyone who asks. True while the runtime does
   * not answer: its containers run on without it.
   */
  isRunning(id: string): Promise<boolean>;
}
