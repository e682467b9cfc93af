// SPDX-License-Identifier: Apache-2.0
import { errorOf, isGone, isOtherUid } from "../cloud/index.ts";
import { PodError } from "../model/index.ts";
import type { PodContext } from "./context.ts";

/**
 * The node is done with a pod: its last status goes up, then the API object goes, if it is still this one.
 *
 * @throws {PodError} REFUSED, UNREACHABLE; {TunnelError}
 */
export async function deleteFromApi(
  context: PodContext,
  pod: { readonly uid: string; readonly name: string; readonly namespace: string },
  needsStatus: boolean,
): Promise<void> {
  await context.sender.flush(pod.uid).catch((error: unknown) => {
    if (needsStatus) throw error;
    context.log.warn({ uid: pod.uid, err: error }, "pod deleted without its final status");
  });
  const content = { gracePeriodSeconds: 0, preconditions: { uid: pod.uid } };
  const reply = await context.uplink.request(
    { operation: "delete", resource: `${pod.namespace}/pod/${pod.name}`, content },
    { timeoutMs: context.options.requestTimeoutMs },
  );
  const failure = errorOf(reply);
  if (failure && !isGone(failure) && !isOtherUid(failure)) {
    throw new PodError("REFUSED", `pod not deleted from the API: ${failure.message ?? failure.reason ?? ""}`);
  }
  context.sender.forget(pod.uid);
}
