// SPDX-License-Identifier: Apache-2.0
import type { Task, TaskReport } from "./port.ts";

/** What a task brought, as far as its node told: images that were pulled, versions. */
export const resultsOf = ({ images = [], fromVersion = "", toVersion = "" }: TaskReport): Partial<Task> => ({
  ...(images.length > 0 && { imageStatus: images }),
  ...(fromVersion !== "" && { historicVersion: fromVersion }),
  ...(toVersion !== "" && { currentVersion: toVersion }),
});
