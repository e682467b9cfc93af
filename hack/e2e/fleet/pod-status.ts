// SPDX-License-Identifier: Apache-2.0
// What a kubelet reports of a pod whose containers all run. Pure.
import type { Container, FleetPod } from "./resources.ts";

/** Annotation of a pod: milliseconds that it takes to end, as a preStop hook would; its grace period at most. */
export const DRAIN_MS = "fleet.longshore.io/drain-ms";
/** A container that heeds SIGTERM. */
const DEFAULT_DRAIN_MS = 300;
const DEFAULT_GRACE_SECONDS = 30;

/** How long the pod takes from being told to end until it is gone. */
export function drainMsOf({ metadata, spec }: FleetPod): number {
  const asked = Number(metadata.annotations?.[DRAIN_MS] ?? DEFAULT_DRAIN_MS);
  // What the delete call gave wins over the spec.
  const graceSeconds =
    metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  return Math.min(Number.isFinite(asked) ? Math.max(0, asked) : DEFAULT_DRAIN_MS, graceSeconds * 1000);
}

export const isReady = ({ status }: FleetPod): boolean =>
  status?.phase === "Running" &&
  status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;

export const isOver = ({ status }: FleetPod): boolean =>
  status?.phase === "Succeeded" || status?.phase === "Failed";

export const imageOf = ({ spec }: FleetPod): string => spec.containers[0]?.image ?? "";

export interface Addresses {
  readonly host: string;
  readonly pod: string;
}

/** A strategic merge patch of the status. @param now RFC 3339, whole seconds */
export function runningStatus(pod: FleetPod, addresses: Addresses, now: string): object {
  const { metadata, spec } = pod;
  const condition = (type: string) => ({ type, status: "True", lastTransitionTime: now });
  const report = (container: Container, index: number, state: object) => ({
    ...{ name: container.name, image: container.image, imageID: `sha256:${container.image}` },
    ...{ containerID: `containerd://${metadata.uid}-${index}`, ready: true, started: true, restartCount: 0 },
    state,
  });
  const ended = { terminated: { exitCode: 0, reason: "Completed", startedAt: now, finishedAt: now } };
  const podIP = spec.hostNetwork === true ? addresses.host : addresses.pod;
  return {
    ...{ phase: "Running", startTime: metadata.creationTimestamp ?? now },
    ...{ hostIP: addresses.host, podIP, podIPs: [{ ip: podIP }] },
    conditions: ["PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"].map(condition),
    containerStatuses: spec.containers.map((container, index) =>
      report(container, index, { running: { startedAt: now } }),
    ),
    ...(spec.initContainers && {
      initContainerStatuses: spec.initContainers.map((container, index) =>
        report(container, 100 + index, ended),
      ),
    }),
  };
}
