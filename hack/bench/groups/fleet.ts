// SPDX-License-Identifier: Apache-2.0
import { BELONGING_TO } from "@longshore/crds/apps";
import type { KubeObject } from "@longshore/operators/runtime";
import { sizeOf } from "../size.ts";

/** BENCH_NODES and BENCH_GROUPS: fewer for a quick try. */
export const NODES = sizeOf("BENCH_NODES", 10_000);
export const GROUPS = sizeOf("BENCH_GROUPS", 200);

const SITE = "bench/site";
const IMAGES = 20;
const CONDITIONS = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"];

const siteOf = (group: number): string => `site-${group}`;
export const groupName = (group: number): string => `group-${group}`;
export const nodeName = (node: number): string => `member-${node}`;

/** A Node as large as those that kubelets write. */
export const nodeObject = (node: number): object => ({
  metadata: {
    name: nodeName(node),
    labels: {
      ...{
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "arm64",
        "kubernetes.io/hostname": nodeName(node),
      },
      ...{ env: "bench", [SITE]: siteOf(node % GROUPS) },
    },
  },
  status: {
    conditions: CONDITIONS.map((type) => ({
      ...{
        type,
        status: type === "Ready" ? "True" : "False",
        reason: "Bench",
        message: "as a kubelet says it",
      },
      ...{ lastHeartbeatTime: "2026-01-01T00:00:00Z", lastTransitionTime: "2026-01-01T00:00:00Z" },
    })),
    images: Array.from({ length: IMAGES }, (_, i) => ({
      names: [
        `registry.example.com/bench/image-${i}@sha256:${"0".repeat(64)}`,
        `registry.example.com/bench/image-${i}:v1`,
      ],
      sizeBytes: 10_000_000 + i,
    })),
  },
});

/** All groups want a label that every node has, as people write it. */
export const groupObject = (group: number): object => ({
  metadata: { name: groupName(group) },
  spec: { matchLabels: { env: "bench", [SITE]: siteOf(group) } },
});

export const groupOf = (node: KubeObject): string => node.metadata.labels?.[BELONGING_TO] ?? "";

/** Moves a node to the next group. */
export function nextMove(node: KubeObject): { readonly body: object; readonly group: string } {
  const next = (Number(groupOf(node).slice(groupName(0).length - 1)) + 1) % GROUPS;
  return { body: { metadata: { labels: { [SITE]: siteOf(next) } } }, group: groupName(next) };
}

/** A kubelet that says that it is still there. @param at another one each time */
export const heartbeat = (at: number): object => ({
  status: { conditions: [{ type: "Ready", lastHeartbeatTime: time(at) }] },
});

interface Conditions {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

/** The node, gone if it was there, there if it was gone. */
export function flipped(node: KubeObject): KubeObject {
  const { status } = node as KubeObject & Conditions;
  const conditions = status.conditions.map((one) =>
    one.type === "Ready" ? { ...one, status: one.status === "True" ? "False" : "True" } : one,
  );
  return { ...node, ...{ status: { ...status, conditions } } };
}

const time = (seconds: number): string =>
  `${new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString().slice(0, 19)}Z`;
