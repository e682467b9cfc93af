// SPDX-License-Identifier: Apache-2.0
import type { ReviewRequest } from "../src/review.ts";

/** A request of a review, as the API server makes it. */
export const requestOf = (
  kind: "Device" | "DeviceModel",
  object: object,
  more: Partial<ReviewRequest> = {},
): ReviewRequest => ({
  uid: "1",
  operation: "CREATE",
  kind: { group: "devices.kubeedge.io", version: "v1beta1", kind },
  namespace: "default",
  name: "hall",
  object,
  ...more,
});
