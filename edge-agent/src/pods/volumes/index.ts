// SPDX-License-Identifier: Apache-2.0
export { type Mounter, systemMounter } from "./mounter.ts";
export { safePath } from "./payload.ts";
export { mountVolumes, refreshVolumes, removeVolumes, volumePath, type VolumeRun } from "./volumes.ts";
