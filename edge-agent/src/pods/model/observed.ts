// SPDX-License-Identifier: Apache-2.0

/** What the runtime says about one pod, in terms that decisions are made in. */
export interface ObservedSandbox {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAtMs: number;
  /** "" while unknown and on the host network */
  readonly ip: string;
  readonly additionalIps: readonly string[];
}

export type ContainerPhase = "created" | "running" | "exited" | "unknown";

export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  readonly sandboxId: string;
  readonly phase: ContainerPhase;
  readonly createdAtMs: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly image: string;
  readonly imageRef: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** where the termination message is on the host, "" when there is none */
  readonly terminationPath: string;
}

export interface ObservedPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** newest first */
  readonly sandboxes: readonly ObservedSandbox[];
  /** newest first */
  readonly containers: readonly ObservedContainer[];
}

/** Newest container of that name, in the sandbox when one is given. */
export function newestOf(
  observed: ObservedPod | undefined,
  name: string,
  sandboxId?: string,
): ObservedContainer | undefined {
  return observed?.containers.find(
    (c) => c.name === name && (sandboxId === undefined || c.sandboxId === sandboxId),
  );
}

/** The newest sandbox that is ready. */
export const readySandbox = (observed: ObservedPod | undefined): ObservedSandbox | undefined =>
  observed?.sandboxes.find((s) => s.ready);

/** True while a process of it may be there. */
export const isAlive = (c: ObservedContainer): boolean => c.phase === "running" || c.phase === "unknown";

/** Newest first: attempts count up; within one attempt the runtime's creation time decides. */
export function byNewest<T extends { readonly attempt: number; readonly createdAtMs: number }>(
  a: T,
  b: T,
): number {
  return b.attempt - a.attempt || b.createdAtMs - a.createdAtMs;
}
