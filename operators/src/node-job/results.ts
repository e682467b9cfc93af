// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";
import type { Task, TaskReport } from "./port.ts";

/** What a task brought, as far as its node told and its kind has: images that were pulled, versions. */
export function resultsOf(
  kind: JobKind,
  { images = [], fromVersion = "", toVersion = "" }: TaskReport,
): Partial<Task> {
  if (kind === "ImagePrePullJob") return images.length > 0 ? { imageStatus: images } : {};
  if (kind === "ConfigUpdateJob") return {};
  return {
    ...(fromVersion !== "" && { historicVersion: fromVersion }),
    ...(toVersion !== "" && { currentVersion: toVersion }),
  };
}
