// SPDX-License-Identifier: Apache-2.0
import {
  ContainerState,
  PodSandboxState,
  type Container,
  type ContainerStatus,
  type PodSandbox,
} from "@longshore/crds/cri";
import { type Cri, isNotFound } from "../../cri/index.ts";
import { ANNOTATION, LABEL } from "../identity/index.ts";
import {
  byNewest,
  type ContainerPhase,
  type ObservedContainer,
  type ObservedPod,
  type ObservedSandbox,
} from "../model/index.ts";
import { lastWords, logTail } from "./last-words.ts";

const ms = (nanos: bigint): number => Number(nanos / 1_000_000n);

const PHASES: Readonly<Record<number, ContainerPhase>> = {
  [ContainerState.CONTAINER_CREATED]: "created",
  [ContainerState.CONTAINER_RUNNING]: "running",
  [ContainerState.CONTAINER_EXITED]: "exited",
  [ContainerState.CONTAINER_UNKNOWN]: "unknown",
};

function terminationPath(status: ContainerStatus): string {
  const inside = status.annotations[ANNOTATION.terminationMessagePath];
  return status.mounts.find((m) => m.containerPath === inside)?.hostPath ?? "";
}

function phaseOf(state: number): ContainerPhase {
  return PHASES[state] ?? "unknown";
}

/** Undefined for what went away between the list and the question. */
const orGone = (error: unknown): undefined => {
  if (!isNotFound(error)) throw error;
  return undefined;
};

async function detailed(cri: Cri, c: Container): Promise<ObservedContainer | undefined> {
  const status = await cri.containerStatus(c.id).catch(orGone);
  return status && { ...identity(c, status), ...(await facts(status)) };
}

type Identity = Pick<ObservedContainer, "id" | "name" | "attempt" | "sandboxId">;

function identity(c: Container, status: ContainerStatus): Identity {
  return {
    id: c.id,
    name: c.labels[LABEL.containerName] ?? status.metadata?.name ?? "",
    attempt: status.metadata?.attempt ?? 0,
    sandboxId: c.podSandboxId,
  };
}

async function facts(status: ContainerStatus): Promise<Omit<ObservedContainer, keyof Identity>> {
  const phase = phaseOf(status.state);
  const path = terminationPath(status);
  return {
    phase,
    createdAtMs: ms(status.createdAt),
    startedAtMs: ms(status.startedAt),
    finishedAtMs: ms(status.finishedAt),
    exitCode: status.exitCode,
    reason: status.reason,
    message: phase === "exited" ? await messageOf(status, path) : "",
    image: status.image?.image ?? "",
    imageRef: status.imageRef,
    annotations: status.annotations,
    terminationPath: path,
  };
}

/** What the container itself wrote comes before what the runtime says of its end. */
async function messageOf(status: ContainerStatus, path: string): Promise<string> {
  const words = await lastWords(path);
  if (words !== "") return words;
  const policy = status.annotations[ANNOTATION.terminationMessagePolicy];
  const fallsBack = policy === "FallbackToLogsOnError" && status.exitCode !== 0;
  return (fallsBack && (await logTail(status.logPath))) || status.message;
}

async function sandboxOf(cri: Cri, s: PodSandbox): Promise<ObservedSandbox | undefined> {
  const status = await cri.podSandboxStatus(s.id).catch(orGone);
  if (!status) return undefined;
  return {
    id: s.id,
    attempt: s.metadata?.attempt ?? 0,
    ready: status.state === PodSandboxState.SANDBOX_READY,
    createdAtMs: ms(s.createdAt),
    ip: status.network?.ip ?? "",
    additionalIps: (status.network?.additionalIps ?? []).map((a) => a.ip),
  };
}

interface Listed<T> {
  readonly state: number;
  readonly value: T;
}

/** Looks at the whole runtime with two lists; asks for details only of what is new or changed. */
export interface Observer {
  /** Every pod that the runtime knows, by uid. @throws {CriError} */
  relist(): Promise<ReadonlyMap<string, ObservedPod>>;
}

async function refresh<L extends { readonly id: string; readonly state: number }, T>(
  listed: readonly L[],
  known: Map<string, Listed<T>>,
  read: (item: L) => Promise<T | undefined>,
): Promise<ReadonlyMap<string, T>> {
  const present = new Set(listed.map((item) => item.id));
  for (const id of known.keys()) if (!present.has(id)) known.delete(id);
  const stale = listed.filter((item) => known.get(item.id)?.state !== item.state);
  for (const item of stale) {
    const value = await read(item);
    if (value !== undefined) known.set(item.id, { state: item.state, value });
  }
  return new Map([...known].map(([id, { value }]) => [id, value]));
}

interface Draft {
  uid: string;
  name: string;
  namespace: string;
  sandboxes: ObservedSandbox[];
  containers: ObservedContainer[];
}

function draftOf(pods: Map<string, Draft>, labels: Readonly<Record<string, string>>): Draft | undefined {
  const uid = labels[LABEL.podUid];
  if (uid === undefined || uid === "") return undefined;
  const found = pods.get(uid) ?? {
    uid,
    name: labels[LABEL.podName] ?? "",
    namespace: labels[LABEL.podNamespace] ?? "",
    sandboxes: [],
    containers: [],
  };
  pods.set(uid, found);
  return found;
}

/** A sandbox or container without a pod's labels is not ours and is never seen. */
export function createObserver(cri: Cri): Observer {
  const sandboxes = new Map<string, Listed<ObservedSandbox>>();
  const containers = new Map<string, Listed<ObservedContainer>>();
  return {
    relist: async () => {
      const [sandboxList, containerList] = await Promise.all([cri.listPodSandbox(), cri.listContainers()]);
      const sandboxById = await refresh(sandboxList, sandboxes, (s) => sandboxOf(cri, s));
      const containerById = await refresh(containerList, containers, (c) => detailed(cri, c));
      const pods = new Map<string, Draft>();
      for (const s of sandboxList) {
        const seen = sandboxById.get(s.id);
        if (seen) draftOf(pods, s.labels)?.sandboxes.push(seen);
      }
      for (const c of containerList) {
        const seen = containerById.get(c.id);
        if (seen) draftOf(pods, c.labels)?.containers.push(seen);
      }
      for (const pod of pods.values()) {
        pod.sandboxes.sort(byNewest);
        pod.containers.sort(byNewest);
      }
      return pods;
    },
  };
}
