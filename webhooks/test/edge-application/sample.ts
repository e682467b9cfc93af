// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationSpec } from "@longshore/crds/apps";
import type { ReviewRequest } from "../../src/review.ts";

export const deployment = (image = "nginx:1.26", env: readonly object[] = []) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "nginx" },
  spec: {
    selector: { matchLabels: { app: "nginx" } },
    template: {
      metadata: { labels: { app: "nginx" } },
      spec: { containers: [{ name: "nginx", image, env }] },
    },
  },
});

export const service = (port = 80) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "nginx" },
  spec: { selector: { app: "nginx" }, ports: [{ port }] },
});

export const specOf = (
  manifests: readonly object[],
  groups: readonly string[] = ["hangzhou", "beijing"],
  more: object = {},
): EdgeApplicationSpec =>
  ({
    workloadScope: { targetNodeGroups: groups.map((name) => ({ name })) },
    workloadTemplate: { manifests },
    ...more,
  }) as EdgeApplicationSpec;

export const reviewOf = (
  spec: object,
  { before, isDryRun = false }: { readonly before?: object; readonly isDryRun?: boolean } = {},
): ReviewRequest => {
  const metadata = { name: "shop", namespace: "default", uid: "u-1" };
  return {
    uid: "1",
    operation: before === undefined ? "CREATE" : "UPDATE",
    kind: { group: "apps.kubeedge.io", version: "v1alpha1", kind: "EdgeApplication" },
    namespace: "default",
    name: "shop",
    object: { metadata, spec },
    ...(before !== undefined && { oldObject: { metadata, spec: before } }),
    dryRun: isDryRun,
  };
};
