// SPDX-License-Identifier: Apache-2.0
import type { JobStatus } from "../../../src/node-job/index.ts";

export const names = (count: number, prefix = "edge"): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

export const running = ({ nodeStatus = [] }: JobStatus): number =>
  nodeStatus.filter(({ phase }) => phase === "InProgress").length;

export const upgrade = (nodeNames: readonly string[], more: object = {}) => ({
  ...{ version: "v1.23.1", image: "kubeedge/installation-package", nodeNames },
  ...{ concurrency: 2, timeoutSeconds: 180, failureTolerate: "0.3", ...more },
});

export const prePull = (nodeNames: readonly string[], more: object = {}) => ({
  imagePrePullTemplate: {
    ...{ images: ["busybox:1.36"], nodeNames },
    ...{ concurrency: 2, timeoutSeconds: 180, failureTolerate: "0.3", ...more },
  },
});
