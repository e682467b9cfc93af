// SPDX-License-Identifier: Apache-2.0
import type { ReviewRequest, Verdict } from "../review.ts";
import { misfit } from "../shape.ts";
import { autonomousTolerations, type Toleration } from "./tolerations.ts";

/** Pods that keep running on a node that is offline. The configuration sends us no others. */
const LABEL = { name: "app-offline.kubeedge.io", value: "autonomy" } as const;

const text = { type: "string" };
const POD = {
  type: "object",
  properties: {
    metadata: {
      type: "object",
      properties: { labels: { type: "object", additionalProperties: text } },
    },
    spec: {
      type: "object",
      properties: {
        tolerations: {
          type: "array",
          items: { type: "object", properties: { key: text, operator: text, effect: text } },
        },
      },
    },
  },
} as const;

interface Pod {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly tolerations?: readonly Toleration[] };
}

/** Has a pod labelled `app-offline.kubeedge.io: autonomy` never be evicted because its node is out of reach. */
export function mutatePod(request: ReviewRequest): Verdict {
  if (request.operation !== "CREATE") return { allowed: true };
  const fault = misfit(POD, request.object, "pod");
  if (fault !== undefined) return { allowed: false, code: 422, message: fault };
  const { metadata, spec } = request.object as Pod;
  if (spec === undefined || metadata?.labels?.[LABEL.name] !== LABEL.value) return { allowed: true };
  const value = autonomousTolerations(spec.tolerations ?? []);
  if (value === undefined) return { allowed: true };
  return { allowed: true, patch: [{ op: "add", path: "/spec/tolerations", value }] };
}
