// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { configFaults, type ConfigSpec } from "@longshore/crds/operations";
import type { JobAdapter } from "../node-job/shell/index.ts";

/** Changes of configuration: a later one that sets all the same fields is enough. */
export const configUpdateJob: JobAdapter = {
  kind: "ConfigUpdateJob",
  resource: kinds.ConfigUpdateJob,
  view(given = {}) {
    const spec = given as ConfigSpec;
    return { spec, faults: configFaults(spec), fields: Object.keys(spec.updateFields ?? {}) };
  },
  supersedes(later, earlier) {
    const set = new Set(later.fields);
    return earlier.fields.every((field) => set.has(field));
  },
};
