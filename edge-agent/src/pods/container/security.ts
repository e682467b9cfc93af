// SPDX-License-Identifier: Apache-2.0
import {
  NamespaceMode,
  SecurityProfile_ProfileType,
  type DeepPartial,
  type LinuxContainerSecurityContext,
  type SecurityProfile,
} from "@longshore/crds/cri";
import type { ImageUser } from "../images/index.ts";
import { type Container, type Pod, PodError, type SecurityContext } from "../model/index.ts";
import { isPrivileged, namespaceOptions, supplementalGroups } from "../sandbox/index.ts";

/** Parts of /proc and /sys that a container does not see, and those that it may not write: the defaults of runtimes. */
const MASKED = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const PROFILES: Readonly<Record<string, SecurityProfile_ProfileType>> = {
  RuntimeDefault: SecurityProfile_ProfileType.RuntimeDefault,
  Unconfined: SecurityProfile_ProfileType.Unconfined,
  Localhost: SecurityProfile_ProfileType.Localhost,
};

type Profile = SecurityContext["seccompProfile"];

function profile(wanted: Profile, fallback: SecurityProfile_ProfileType): SecurityProfile {
  return {
    profileType: PROFILES[wanted?.type ?? ""] ?? fallback,
    localhostRef: wanted?.localhostProfile ?? "",
  };
}

const pick = <K extends keyof SecurityContext>(
  pod: Pod,
  c: Container,
  key: K,
): SecurityContext[K] | undefined =>
  c.securityContext?.[key] ?? (pod.spec.securityContext as SecurityContext | undefined)?.[key];

/** @throws {PodError} INVALID when the container may not run as root and would, or nobody can tell */
function checkNonRoot(pod: Pod, container: Container, user: ImageUser): void {
  if (pick(pod, container, "runAsNonRoot") !== true) return;
  const asked = pick(pod, container, "runAsUser");
  if (asked === 0) throw new PodError("INVALID", "container's runAsUser breaks non-root policy");
  if (typeof asked === "number") return;
  if (user.name !== "" && user.uid === undefined) {
    throw new PodError(
      "INVALID",
      "container has runAsNonRoot and image has non-numeric user, cannot verify user is non-root",
    );
  }
  if ((user.uid ?? 0n) === 0n)
    throw new PodError("INVALID", "container has runAsNonRoot and image will run as root");
}

function userOf(pod: Pod, container: Container): DeepPartial<LinuxContainerSecurityContext> {
  const user = pick(pod, container, "runAsUser");
  const group = pick(pod, container, "runAsGroup");
  return {
    ...(typeof user === "number" && { runAsUser: { value: BigInt(user) } }),
    ...(typeof group === "number" && { runAsGroup: { value: BigInt(group) } }),
  };
}

/** Who looks into one container sees its processes; where those of the whole pod or node are seen, these. */
function namespacesOf(
  pod: Pod,
  targetId: string | undefined,
): NonNullable<DeepPartial<LinuxContainerSecurityContext>["namespaceOptions"]> {
  const shared = namespaceOptions(pod);
  if (targetId === undefined || shared.pid !== NamespaceMode.CONTAINER) return shared;
  return { ...shared, pid: NamespaceMode.TARGET, targetId };
}

/**
 * What the kernel lets a container do: its own settings before the pod's.
 *
 * @param targetId of the running container whose processes it shall see
 * @throws {PodError} INVALID
 */
export function containerSecurity(
  pod: Pod,
  container: Container,
  user: ImageUser,
  targetId?: string,
): DeepPartial<LinuxContainerSecurityContext> {
  checkNonRoot(pod, container, user);
  const own = container.securityContext ?? {};
  const open = isPrivileged(container) || own.procMount === "Unmasked";
  return {
    privileged: isPrivileged(container),
    namespaceOptions: namespacesOf(pod, targetId),
    capabilities: capabilities(own),
    readonlyRootfs: own.readOnlyRootFilesystem === true,
    noNewPrivs: own.allowPrivilegeEscalation === false,
    supplementalGroups: supplementalGroups(pod),
    maskedPaths: open ? [] : MASKED,
    readonlyPaths: open ? [] : READ_ONLY,
    ...profiles(pod, container),
    ...userOf(pod, container),
  };
}

function capabilities(
  own: SecurityContext,
): NonNullable<DeepPartial<LinuxContainerSecurityContext>["capabilities"]> {
  const { add = [], drop = [] } = own.capabilities ?? {};
  return { addCapabilities: [...add], dropCapabilities: [...drop], addAmbientCapabilities: [] };
}

function profiles(pod: Pod, container: Container): DeepPartial<LinuxContainerSecurityContext> {
  const appArmor = pick(pod, container, "appArmorProfile");
  return {
    seccomp: profile(pick(pod, container, "seccompProfile"), SecurityProfile_ProfileType.Unconfined),
    ...(appArmor && { apparmor: profile(appArmor, SecurityProfile_ProfileType.RuntimeDefault) }),
  };
}
