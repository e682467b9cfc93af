// SPDX-License-Identifier: Apache-2.0
import { type EphemeralContainer, newestOf, type ObservedPod, PodError } from "../model/index.ts";

/**
 * Id of the container that an ephemeral one looks into. Undefined when it names none, as others do.
 *
 * @throws {PodError} NOT_FOUND while that one was not made
 */
export function targetIdOf(
  { targetContainerName = "" }: EphemeralContainer,
  observed: ObservedPod | undefined,
  sandboxId: string,
): string | undefined {
  if (targetContainerName === "") return undefined;
  const target = newestOf(observed, targetContainerName, sandboxId);
  if (!target) throw new PodError("NOT_FOUND", `unable to find target container ${targetContainerName}`);
  return target.id;
}
