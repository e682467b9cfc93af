// SPDX-License-Identifier: Apache-2.0
export { DEFAULT_UPGRADE, type UpgradeDeps, type UpgradeOptions } from "./deps.ts";
export {
  ArtefactError,
  wrongDigest,
  type Artefact,
  type ArtefactErrorCode,
  type ArtefactRequest,
  type Artefacts,
  type DigestGate,
} from "./port.ts";
export { createUpgradeRunner } from "./runner.ts";
