// SPDX-License-Identifier: Apache-2.0
import {
  NamespaceMode,
  Protocol,
  SecurityProfile_ProfileType,
  type DeepPartial,
  type PodSandboxConfig,
} from "@longshore/crds/cri";
import { logDir, type Paths, podLabels } from "../identity/index.ts";
import {
  allContainers,
  type Container,
  type ContainerPort,
  type Pod,
  podNamespace,
  podUid,
} from "../model/index.ts";
import { type CgroupDriver, podCgroup, qosClass } from "../resources/index.ts";
import { type ClusterDns, dnsOf, type ResolvConf } from "./dns.ts";

/** What the node decides for all its sandboxes. */
export interface SandboxOptions extends Paths {
  readonly cgroupParent: string;
  readonly cgroupDriver: CgroupDriver;
  readonly clusterDns: ClusterDns;
}

const MAX_HOSTNAME = 63;

/** Name that the pod's own processes see. "" on the host network: the node's own name stays. */
export function hostnameOf(pod: Pod): string {
  if (pod.spec.hostNetwork === true) return "";
  return (pod.spec.hostname ?? pod.metadata.name).slice(0, MAX_HOSTNAME).replace(/[-.]+$/, "");
}

/** May this container do what root of the node may? */
export const isPrivileged = (c: Container): boolean => c.securityContext?.privileged === true;

/** Namespaces that all containers of the pod share. */
export function namespaceOptions(pod: Pod): {
  network: NamespaceMode;
  pid: NamespaceMode;
  ipc: NamespaceMode;
} {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec;
  const ownPid = shareProcessNamespace === true ? NamespaceMode.POD : NamespaceMode.CONTAINER;
  return {
    network: hostNetwork === true ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: hostPID === true ? NamespaceMode.NODE : ownPid,
    ipc: hostIPC === true ? NamespaceMode.NODE : NamespaceMode.POD,
  };
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  TCP: Protocol.TCP,
  UDP: Protocol.UDP,
  SCTP: Protocol.SCTP,
};

function portMappings(pod: Pod): DeepPartial<PodSandboxConfig>["portMappings"] {
  if (pod.spec.hostNetwork === true) return [];
  const ports = allContainers(pod).flatMap(
    ({ container }): readonly ContainerPort[] => container.ports ?? [],
  );
  return ports
    .filter((p) => (p.hostPort ?? 0) > 0)
    .map((p) => ({
      protocol: PROTOCOLS[p.protocol ?? "TCP"] ?? Protocol.TCP,
      containerPort: p.containerPort,
      hostPort: p.hostPort ?? 0,
      hostIp: p.hostIP ?? "",
    }));
}

/** Groups that every process of the pod is in beside its own. */
export function supplementalGroups(pod: Pod): bigint[] {
  const context = pod.spec.securityContext;
  const groups = [
    ...(context?.supplementalGroups ?? []),
    ...(typeof context?.fsGroup === "number" ? [context.fsGroup] : []),
  ];
  return [...new Set(groups)].map(BigInt);
}

/** Parent cgroup of all containers of the pod. */
export const podCgroupOf = (pod: Pod, options: SandboxOptions): string =>
  podCgroup(options.cgroupParent, options.cgroupDriver, podUid(pod), qosClass(pod));

function linuxConfig(pod: Pod, options: SandboxOptions): NonNullable<DeepPartial<PodSandboxConfig>["linux"]> {
  const context = pod.spec.securityContext;
  const sysctls = Object.fromEntries((context?.sysctls ?? []).map((s) => [s.name, s.value]));
  return {
    cgroupParent: podCgroupOf(pod, options),
    sysctls,
    securityContext: {
      namespaceOptions: namespaceOptions(pod),
      privileged: allContainers(pod).some(({ container }) => isPrivileged(container)),
      supplementalGroups: supplementalGroups(pod),
      seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault, localhostRef: "" },
      ...(typeof context?.runAsUser === "number" && { runAsUser: { value: BigInt(context.runAsUser) } }),
      ...(typeof context?.runAsGroup === "number" &&
        typeof context.runAsUser === "number" && { runAsGroup: { value: BigInt(context.runAsGroup) } }),
    },
  };
}

/** What the runtime is asked to make for the pod as a whole. Pure. */
export function sandboxConfig(
  pod: Pod,
  attempt: number,
  options: SandboxOptions,
  host: ResolvConf,
): DeepPartial<PodSandboxConfig> {
  const namespace = podNamespace(pod);
  const dns = dnsOf(pod, options.clusterDns, host);
  return {
    metadata: { name: pod.metadata.name, namespace, uid: podUid(pod), attempt },
    hostname: hostnameOf(pod),
    logDirectory: logDir(options, { namespace, name: pod.metadata.name, uid: podUid(pod) }),
    dnsConfig: { servers: [...dns.servers], searches: [...dns.searches], options: [...dns.options] },
    portMappings: portMappings(pod) ?? [],
    labels: { ...pod.metadata.labels, ...podLabels(pod) },
    annotations: { ...pod.metadata.annotations, "kubernetes.io/config.source": "api" },
    linux: linuxConfig(pod, options),
  };
}
