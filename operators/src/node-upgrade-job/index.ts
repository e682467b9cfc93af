// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { asksRegistryAlone, upgradeFaults, type UpgradeSpec } from "@longshore/crds/operations";
import type { JobAdapter } from "../node-job/shell/index.ts";

/** Upgrades: where two want a node that neither has begun with, the later one is enough. */
export const nodeUpgradeJob: JobAdapter = {
  kind: "NodeUpgradeJob",
  resource: kinds.NodeUpgradeJob,
  view(given = {}) {
    const spec = given as UpgradeSpec & { readonly requireConfirmation?: boolean };
    return {
      spec,
      faults: upgradeFaults(spec),
      requireConfirmation: spec.requireConfirmation === true,
      asksRegistry: asksRegistryAlone(spec),
    };
  },
  supersedes: () => true,
};
