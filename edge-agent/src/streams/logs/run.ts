// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import type { ContainerRun } from "../port.ts";

/** Who asks about which container, for the text of a refusal. */
interface Asked {
  readonly pod: string;
  readonly container: string;
  readonly previous: boolean;
}

/**
 * The run whose log is meant. Of a container that waits for its restart, the run that died is both the current one
 * and the previous one: that is what a kubelet's status says.
 *
 * @param runs the newest first
 * @throws {StreamError} BAD_REQUEST when there is no previous one
 */
export function chooseRun(runs: readonly [ContainerRun, ...ContainerRun[]], asked: Asked): ContainerRun {
  const [newest, before] = runs;
  if (!asked.previous || (!newest.isRunning && newest.willRestart === true)) return newest;
  if (before) return before;
  const text = `previous terminated container "${asked.container}" in pod "${asked.pod}" not found`;
  throw new StreamError("BAD_REQUEST", text);
}
