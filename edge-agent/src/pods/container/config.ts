// SPDX-License-Identifier: Apache-2.0
import type { ContainerConfig, DeepPartial, Mount } from "@longshore/crds/cri";
import { containerAnnotations, containerLabels, logPath } from "../identity/index.ts";
import type { ImageUser } from "../images/index.ts";
import type { Container, Pod } from "../model/index.ts";
import { type LimitContext, linuxLimits } from "../resources/index.ts";
import { expand } from "../values/index.ts";
import { containerSecurity } from "./security.ts";

/** What was resolved for this run. */
export interface ContainerParts {
  readonly attempt: number;
  /** what the image was resolved to */
  readonly imageRef: string;
  readonly imageUser: ImageUser;
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly DeepPartial<Mount>[];
  readonly limits: LimitContext;
  /** the running container whose processes it shall see */
  readonly targetId?: string | undefined;
}

/** What the runtime is asked to make for one container. Pure. @throws {PodError} INVALID */
export function containerConfig(
  pod: Pod,
  container: Container,
  parts: ContainerParts,
): DeepPartial<ContainerConfig> {
  const limits = linuxLimits(pod, container, parts.limits);
  const expanded = (list: readonly string[] | undefined): string[] =>
    (list ?? []).map((s) => expand(s, parts.env));
  return {
    metadata: { name: container.name, attempt: parts.attempt },
    image: { image: parts.imageRef, userSpecifiedImage: container.image },
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? "",
    envs: [...parts.env].map(([key, value]) => ({ key, value })),
    mounts: [...parts.mounts],
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, parts.attempt),
    logPath: logPath(container.name, parts.attempt),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: {
        cpuPeriod: BigInt(limits.cpuPeriodUs),
        cpuQuota: BigInt(limits.cpuQuotaUs),
        cpuShares: BigInt(limits.cpuShares),
        memoryLimitInBytes: BigInt(limits.memoryBytes),
        oomScoreAdj: BigInt(limits.oomScoreAdj),
      },
      securityContext: containerSecurity(pod, container, parts.imageUser, parts.targetId),
    },
  };
}
