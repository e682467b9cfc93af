// SPDX-License-Identifier: Apache-2.0
import { fieldsAt, isFields, own, type Fields } from "./json.ts";
import { workloadOf } from "./kinds.ts";
import type { Child } from "./types.ts";

/** The images that children's pods need, sorted, each once: of containers, init containers and image volumes. */
export function imagesOf(children: Iterable<Pick<Child, "object">>): string[] {
  const images = new Set<string>();
  for (const { object } of children) {
    const workload = workloadOf(object.apiVersion, object.kind);
    const podSpec = workload && fieldsAt(object, [...workload.template, "spec"]);
    if (podSpec) for (const image of imagesIn(podSpec)) images.add(image);
  }
  return [...images].sort();
}

function imagesIn(podSpec: Fields): string[] {
  const containers = ["containers", "initContainers"].flatMap((list) => itemsOf(podSpec, list));
  const volumes = itemsOf(podSpec, "volumes").map((volume) => fieldsAt(volume, ["image"]) ?? {});
  const names = [
    ...containers.map((one) => own(one, "image")),
    ...volumes.map((one) => own(one, "reference")),
  ];
  return names.filter((name): name is string => typeof name === "string" && name !== "");
}

function itemsOf(podSpec: Fields, key: string): Fields[] {
  const list = own(podSpec, key);
  return Array.isArray(list) ? list.filter(isFields) : [];
}
