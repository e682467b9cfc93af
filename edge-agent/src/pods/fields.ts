// SPDX-License-Identifier: Apache-2.0
import { PodError } from "./errors.ts";
import {
  podNamespace,
  podUid,
  type Container,
  type FieldRef,
  type Pod,
  type ResourceFieldRef,
} from "./pod.ts";
import { bytesOf, milliCpu, parseQuantity } from "./quantity.ts";

export interface FieldContext {
  readonly pod: Pod;
  readonly nodeName: string;
  readonly hostIp: string;
  readonly podIps: readonly string[];
  /** what a missing limit means */
  readonly nodeCpuMilli: number;
  readonly nodeMemoryBytes: number;
}

const PLAIN: Readonly<Record<string, (c: FieldContext) => string>> = {
  "metadata.name": (c) => c.pod.metadata.name,
  "metadata.namespace": (c) => podNamespace(c.pod),
  "metadata.uid": (c) => podUid(c.pod),
  "metadata.labels": (c) => lines(c.pod.metadata.labels),
  "metadata.annotations": (c) => lines(c.pod.metadata.annotations),
  "spec.nodeName": (c) => c.nodeName,
  "spec.serviceAccountName": (c) => c.pod.spec.serviceAccountName ?? "",
  "status.hostIP": (c) => c.hostIp,
  "status.hostIPs": (c) => c.hostIp,
  "status.podIP": (c) => c.podIps[0] ?? "",
  "status.podIPs": (c) => c.podIps.join(","),
};
const SUBSCRIPT = /^metadata\.(labels|annotations)\['([^']+)'\]$/;

function lines(map: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join("\n");
}

/** Value of a field of the pod, by the paths that the API allows here. @throws {PodError} INVALID */
export function fieldValue(ref: FieldRef, context: FieldContext): string {
  const subscript = SUBSCRIPT.exec(ref.fieldPath);
  if (subscript) {
    return context.pod.metadata[subscript[1] as "labels" | "annotations"]?.[subscript[2] ?? ""] ?? "";
  }
  const read = PLAIN[ref.fieldPath];
  if (!read) throw new PodError("INVALID", `unsupported fieldPath: ${ref.fieldPath.slice(0, 80)}`);
  return read(context);
}

/** A container's request or limit in units of the divisor, rounded up. @throws {PodError} INVALID */
export function resourceValue(ref: ResourceFieldRef, context: FieldContext, own?: Container): string {
  const containers = [...context.pod.spec.containers, ...(context.pod.spec.initContainers ?? [])];
  const container = ref.containerName ? containers.find((c) => c.name === ref.containerName) : own;
  if (!container) throw new PodError("INVALID", `container ${ref.containerName ?? ""} not found`);
  const [list, resource] = ref.resource.split(".") as ["limits" | "requests", string];
  const given = container.resources?.[list]?.[resource];
  const divisor = parseQuantity(ref.divisor) ?? 0;
  if (resource === "cpu") return cpuValue(given, list, divisor, context);
  const bytes =
    given === undefined && list === "limits" && resource === "memory"
      ? context.nodeMemoryBytes
      : bytesOf(given);
  return String(Math.ceil(bytes / (divisor === 0 ? 1 : divisor)));
}

function cpuValue(
  given: string | number | undefined,
  list: "limits" | "requests",
  divisor: number,
  context: FieldContext,
): string {
  const milli = given === undefined && list === "limits" ? context.nodeCpuMilli : milliCpu(given);
  const unit = divisor === 0 ? 1000 : Math.round(divisor * 1000);
  return String(Math.ceil(milli / Math.max(1, unit)));
}
