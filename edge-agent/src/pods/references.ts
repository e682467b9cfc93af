// SPDX-License-Identifier: Apache-2.0
import { allContainers, type Pod } from "./pod.ts";

function* found(pod: Pod): Generator<readonly [kind: "configmap" | "secret", name: string | undefined]> {
  for (const volume of pod.spec.volumes ?? []) {
    yield ["configmap", volume.configMap?.name];
    yield ["secret", volume.secret?.secretName];
    for (const source of volume.projected?.sources ?? []) {
      yield ["configmap", source.configMap?.name];
      yield ["secret", source.secret?.name];
    }
  }
  for (const { container } of allContainers(pod)) {
    for (const from of container.envFrom ?? []) {
      yield ["configmap", from.configMapRef?.name];
      yield ["secret", from.secretRef?.name];
    }
    for (const { valueFrom } of container.env ?? []) {
      yield ["configmap", valueFrom?.configMapKeyRef?.name];
      yield ["secret", valueFrom?.secretKeyRef?.name];
    }
  }
  for (const { name } of pod.spec.imagePullSecrets ?? []) yield ["secret", name];
}

/** `kind/name` of every ConfigMap and Secret that a pod uses, all in its own namespace. */
export function referencesOf(pod: Pod): ReadonlySet<string> {
  return new Set(
    [...found(pod)].filter(([, name]) => name !== undefined).map(([kind, name]) => `${kind}/${name ?? ""}`),
  );
}
