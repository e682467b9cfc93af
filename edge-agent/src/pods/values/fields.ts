// SPDX-License-Identifier: Apache-2.0
import {
  type Allocatable,
  type Container,
  type FieldRef,
  type Pod,
  PodError,
  podNamespace,
  podUid,
  type ResourceFieldRef,
} from "../model/index.ts";
import { bytesOf, milliCpu, parseQuantity } from "../resources/index.ts";

/** What fields of a pod are read from. */
export interface FieldContext {
  readonly pod: Pod;
  readonly nodeName: string;
  readonly hostIp: string;
  readonly podIps: readonly string[];
  readonly allocatable: () => Allocatable;
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

type Bound = "limits" | "requests";

/** Cores, and bytes of all else, in units of the divisor, rounded up. @throws {PodError} INVALID */
export function resourceValue(ref: ResourceFieldRef, context: FieldContext, own?: Container): string {
  const container = containerOf(ref, context, own);
  const [bound, resource] = ref.resource.split(".") as [Bound, string];
  const measure = resource === "cpu" ? milliCpu : bytesOf;
  const given = measure(container.resources?.[bound]?.[resource]);
  const amount = given === 0 && bound === "limits" ? unlimited(resource, context) : given;
  const unit = resource === "cpu" ? Math.max(1, Math.round(divisorOf(ref) * 1000)) : divisorOf(ref);
  return String(Math.ceil(amount / unit));
}

/** What a limit means that is not given. */
function unlimited(resource: string, context: FieldContext): number {
  const { cpuMilli, memoryBytes, ephemeralStorageBytes } = context.allocatable();
  const all: Readonly<Record<string, number>> = {
    cpu: cpuMilli,
    memory: memoryBytes,
    "ephemeral-storage": ephemeralStorageBytes,
  };
  return all[resource] ?? 0;
}

const divisorOf = (ref: ResourceFieldRef): number => parseQuantity(ref.divisor) || 1;

function containerOf(ref: ResourceFieldRef, { pod }: FieldContext, own: Container | undefined): Container {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const found = ref.containerName ? all.find((c) => c.name === ref.containerName) : own;
  if (!found) throw new PodError("INVALID", `container ${ref.containerName ?? ""} not found`);
  return found;
}
