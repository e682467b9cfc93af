// SPDX-License-Identifier: Apache-2.0
import type { KnownPods } from "../pods/index.ts";

/** What a kubelet answers at `/pods`: the pods that this node shall run, each with its status here. */
export function podList(pods: Pick<KnownPods, "list">): Record<string, unknown> {
  const items = pods.list().map(({ pod, status }) => ({ ...pod, status }));
  return { kind: "PodList", apiVersion: "v1", metadata: {}, items };
}
