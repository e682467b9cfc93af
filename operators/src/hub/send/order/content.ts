// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";
import { goFields, type Field } from "./go-fields.ts";
import type { Fields } from "./job.ts";

const SELECTOR: Field = [
  "labelSelector",
  "set",
  [
    ["matchLabels", "full"],
    ["matchExpressions", "full"],
  ],
];

const UPGRADE: readonly Field[] = [
  ["version", "full"],
  ["timeoutSeconds", "set"],
  ["nodeNames", "full"],
  SELECTOR,
  ["image", "full"],
  [
    "imageDigestGatter",
    "always",
    [
      ["arm64", "full"],
      ["amd64", "full"],
      ["registryAPI", "set"],
    ],
  ],
  ["concurrency", "full"],
  ["checkItems", "full"],
  ["failureTolerate", "full"],
  ["requireConfirmation", "full"],
];

const PRE_PULL: readonly Field[] = [
  [
    "imagePrePullTemplate",
    "set",
    [
      ["images", "full"],
      ["nodeNames", "full"],
      SELECTOR,
      ["checkItems", "full"],
      ["failureTolerate", "full"],
      ["concurrency", "full"],
      ["timeoutSeconds", "set"],
      ["imageSecrets", "full"],
      ["retryTimes", "full"],
    ],
  ],
];

const CONFIG: readonly Field[] = [
  ["nodeNames", "full"],
  SELECTOR,
  ["timeoutSeconds", "set"],
  ["concurrency", "full"],
  ["updateFields", "full"],
  ["failureTolerate", "full"],
];

const FIELDS: Readonly<Record<JobKind, readonly Field[]>> = {
  NodeUpgradeJob: UPGRADE,
  ImagePrePullJob: PRE_PULL,
  ConfigUpdateJob: CONFIG,
};

/** Content of KubeEdge's order in v1alpha2: the job's spec, as CloudCore writes it. */
export function orderContent(kind: JobKind, spec: Fields): Fields {
  return goFields(kind === "NodeUpgradeJob" ? gated(spec) : spec, FIELDS[kind]);
}

/** An EdgeCore knows a digest by architecture only: one for all is one for each, or the gate would be open. */
function gated(spec: Fields): Fields {
  const gate = spec["imageDigestGatter"] as Fields | null | undefined;
  const value = gate?.["value"];
  if (typeof value !== "string" || value === "") return spec;
  return { ...spec, imageDigestGatter: { arm64: value, amd64: value, ...gate } };
}
