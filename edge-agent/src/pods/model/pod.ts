// SPDX-License-Identifier: Apache-2.0
import type { Container, EphemeralContainer, SecurityContext } from "./container.ts";
import type { PodStatus } from "./pod-status.ts";
import type { Volume } from "./volume.ts";

/** The parts of the core/v1 Pod that the engine reads. Names are the API's; everything else passes unread. */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string | null;
  readonly deletionTimestamp?: string | null;
  readonly deletionGracePeriodSeconds?: number | null;
}

export interface PodSecurityContext extends SecurityContext {
  readonly fsGroup?: number | null;
  readonly supplementalGroups?: readonly number[];
  readonly sysctls?: readonly { readonly name: string; readonly value: string }[];
}

export interface PodSpec {
  readonly nodeName?: string;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  /** only ever grows */
  readonly ephemeralContainers?: readonly EphemeralContainer[];
  readonly volumes?: readonly Volume[];
  readonly restartPolicy?: string;
  readonly terminationGracePeriodSeconds?: number | null;
  readonly activeDeadlineSeconds?: number | null;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly shareProcessNamespace?: boolean | null;
  readonly hostname?: string;
  readonly subdomain?: string;
  readonly setHostnameAsFQDN?: boolean | null;
  readonly dnsPolicy?: string;
  readonly dnsConfig?: {
    readonly nameservers?: readonly string[];
    readonly searches?: readonly string[];
    readonly options?: readonly { readonly name: string; readonly value?: string | null }[];
  };
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames?: readonly string[] }[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly serviceAccountName?: string;
  readonly securityContext?: PodSecurityContext | null;
  readonly priority?: number | null;
  readonly runtimeClassName?: string | null;
  readonly enableServiceLinks?: boolean | null;
  readonly readinessGates?: readonly { readonly conditionType: string }[];
}

export interface Pod {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
  readonly status?: Partial<PodStatus>;
}

/** What a kubelet gives a pod whose own grace period is not known. */
export const DEFAULT_GRACE_SECONDS = 30;

/** Which list of the spec a container is in. */
export type ContainerRole = "init" | "main" | "ephemeral";

/** A container, and what it is to its pod. */
export interface PodContainer {
  readonly container: Container;
  readonly role: ContainerRole;
}

/** Containers of a pod, the init ones first. */
export function allContainers(pod: Pod): readonly PodContainer[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const as =
    (role: ContainerRole) =>
    (container: Container): PodContainer => ({ container, role });
  return [
    ...initContainers.map(as("init")),
    ...containers.map(as("main")),
    ...ephemeralContainers.map(as("ephemeral")),
  ];
}

/** Names are unique over all lists of a pod. */
export const containerNamed = (pod: Pod, name: string): PodContainer | undefined =>
  allContainers(pod).find(({ container }) => container.name === name);

export const podUid = (pod: Pod): string => pod.metadata.uid ?? "";
export const podNamespace = (pod: Pod): string => pod.metadata.namespace ?? "default";
