// SPDX-License-Identifier: Apache-2.0
import type { ReviewRequest } from "../src/review.ts";

/** A request to review a job of this kind. */
export const jobRequest = (kind: string, spec: object, more: Partial<ReviewRequest> = {}): ReviewRequest => ({
  uid: "1",
  operation: "CREATE",
  kind: { group: "operations.kubeedge.io", version: "v1alpha2", kind },
  name: "job",
  object: { metadata: { name: "job" }, spec },
  ...more,
});
