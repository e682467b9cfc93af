// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "../../../devices/v1beta1/rules.ts";
import { isLabel, isSubdomain } from "../../../stream/validate-fields.ts";
import { jobFaults, jobHazards, negatives, type JobSpec } from "./job.ts";
import { isImage } from "./references.ts";

/** `spec.imagePrePullTemplate` of an ImagePrePullJob, of both versions. */
export interface PrePullTemplate extends JobSpec {
  readonly images?: readonly string[];
  readonly imageSecrets?: string;
  readonly retryTimes?: number;
}

const AT = "spec.imagePrePullTemplate";
/** Images of one job. */
const MAX_IMAGES = 500;
const MAX_RETRIES = 100;

export function prePullFaults(template: PrePullTemplate | undefined): RuleViolation[] {
  if (template === undefined) return [{ field: AT, message: "imagePrePullTemplate is missing" }];
  const { images = [] } = template;
  return [
    ...images.flatMap((image, index) =>
      isImage(image)
        ? []
        : [
            {
              field: `${AT}.images[${index}]`,
              message: "no image can have this name, give one such as registry.example.com/app:1.0",
            },
          ],
    ),
    ...jobFaults(AT, template),
    ...negatives(AT, template, ["retryTimes"]),
  ];
}

export function prePullHazards(template: PrePullTemplate = {}): RuleViolation[] {
  const { images = [], imageSecrets = "", retryTimes = 0 } = template;
  const hazards: RuleViolation[] = [];
  const add = (name: string, message: string): void => void hazards.push({ field: `${AT}.${name}`, message });
  if (images.length === 0) add("images", "missing: there is nothing to pull");
  if (images.length > MAX_IMAGES)
    add("images", `${images.length} are over ${MAX_IMAGES}: nodes refuse them, split the job`);
  if (imageSecrets !== "" && !isSecretName(imageSecrets))
    add("imageSecrets", "is no Secret: give namespace/name, such as default/regcred");
  if (retryTimes > MAX_RETRIES) add("retryTimes", `${retryTimes} is over ${MAX_RETRIES}: nodes refuse it`);
  return [...hazards, ...jobHazards(AT, template)];
}

function isSecretName(text: string): boolean {
  const [namespace = "", name = "", ...rest] = text.split("/");
  return rest.length === 0 && isLabel(namespace) && isSubdomain(name);
}
