// SPDX-License-Identifier: Apache-2.0
export { type CgroupDriver, limitPodCgroup, podCgroup, removePodCgroup } from "./cgroups.ts";
export { type LimitContext, linuxLimits, podLimits, qosClass } from "./limits.ts";
export { bytesOf, milliCpu, parseQuantity } from "./quantity.ts";
