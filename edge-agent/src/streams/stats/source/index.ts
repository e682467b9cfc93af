// SPDX-License-Identifier: Apache-2.0
export { type CgroupOptions, type Cgroups, childOf, createCgroups, type PodCgroup } from "./cgroups.ts";
export { filesIn, fsAt } from "./files.ts";
export {
  type Attempt,
  createSandboxStats,
  listAll,
  type Listing,
  readySandboxes,
  runningContainers,
  type RuntimeCalls,
  statesOf,
} from "./listing.ts";
export { type MachineSource, readMachine } from "./machine.ts";
export { podNetwork } from "./network.ts";
export { cpuOf, fsOf, memoryOf, msOf, networkOf } from "./runtime.ts";
