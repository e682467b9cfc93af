// SPDX-License-Identifier: Apache-2.0
export { configFaults, configHazards, isConfigKey, isConfigValue, type ConfigSpec } from "./config-update.ts";
export { isSameJob } from "./fixed.ts";
export { prePullFaults, prePullHazards, type PrePullTemplate } from "./image-prepull.ts";
export { concurrencyOf, SPEC_IS_FIXED, timeoutSecondsOf, type JobSpec } from "./job.ts";
export { asksRegistryAlone, upgradeFaults, upgradeHazards, type UpgradeSpec } from "./node-upgrade.ts";
export { isDigest, isImage, isImageRepository, isVersion } from "./references.ts";
