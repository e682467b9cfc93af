// SPDX-License-Identifier: Apache-2.0
import { duplicateProperties } from "@longshore/crds/devices";
import type { ReviewRequest, Verdict } from "./review.ts";

interface WithProperties {
  readonly spec?: { readonly properties?: readonly { readonly name?: string }[] };
}

/** Verdict on a Device or DeviceModel: both have named properties under the same rule. */
export function validateProperties(request: ReviewRequest): Verdict {
  if (request.operation === "DELETE") return { allowed: true };
  const violations = duplicateProperties((request.object as WithProperties).spec?.properties);
  if (violations.length === 0) return { allowed: true };
  const message = violations.map((v) => `${v.field}: ${v.message}`).join("; ");
  return { allowed: false, code: 422, message };
}
