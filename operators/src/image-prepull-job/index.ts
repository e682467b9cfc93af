// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { prePullFaults, type PrePullTemplate } from "@longshore/crds/operations";
import type { JobAdapter } from "../node-job/shell/index.ts";

/** Pulls: any number of them may be at work on a node. */
export const imagePrePullJob: JobAdapter = {
  kind: "ImagePrePullJob",
  resource: kinds.ImagePrePullJob,
  view(given = {}) {
    const { imagePrePullTemplate: template } = given as { readonly imagePrePullTemplate?: PrePullTemplate };
    return {
      spec: template ?? {},
      faults: prePullFaults(template),
      images: template?.images?.length ?? 0,
    };
  },
};
