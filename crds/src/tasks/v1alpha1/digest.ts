// SPDX-License-Identifier: Apache-2.0
import { objectDigest } from "../../digest.ts";
import { attemptOf } from "./order.ts";

/** What an order is made of. */
export interface OrderedJob {
  readonly metadata: { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

/**
 * Digest of an order, for delivery. Only what is ordered is in it: a label or an annotation that somebody puts on the
 * job must not order a plain EdgeCore a second time.
 *
 * @param salt what makes this order another one beside the attempt: the state of v1alpha1
 * @returns 32 hex characters
 */
export const orderDigest = ({ metadata, spec }: OrderedJob, salt = ""): string =>
  objectDigest({ metadata: { uid: metadata.uid }, spec, attempt: attemptOf(metadata.annotations), salt });
