// SPDX-License-Identifier: Apache-2.0
import { allContainers, type Container, type Pod, type Volume } from "../model/index.ts";

type Reference = readonly [kind: "configmap" | "secret", name: string | undefined];

const ofVolume = (volume: Volume): readonly Reference[] => [
  ["configmap", volume.configMap?.name],
  ["secret", volume.secret?.secretName],
  ...(volume.projected?.sources ?? []).flatMap((source): readonly Reference[] => [
    ["configmap", source.configMap?.name],
    ["secret", source.secret?.name],
  ]),
];

const ofContainer = (container: Container): readonly Reference[] => [
  ...(container.envFrom ?? []).flatMap((from): readonly Reference[] => [
    ["configmap", from.configMapRef?.name],
    ["secret", from.secretRef?.name],
  ]),
  ...(container.env ?? []).flatMap(({ valueFrom }): readonly Reference[] => [
    ["configmap", valueFrom?.configMapKeyRef?.name],
    ["secret", valueFrom?.secretKeyRef?.name],
  ]),
];

/** `kind/name` of every ConfigMap and Secret that a pod uses, all in its own namespace. */
export function referencesOf(pod: Pod): ReadonlySet<string> {
  const all = [
    ...(pod.spec.volumes ?? []).flatMap(ofVolume),
    ...allContainers(pod).flatMap(({ container }) => ofContainer(container)),
    ...(pod.spec.imagePullSecrets ?? []).map(({ name }): Reference => ["secret", name]),
  ];
  return new Set(all.filter(([, name]) => name !== undefined).map(([kind, name]) => `${kind}/${name ?? ""}`));
}
