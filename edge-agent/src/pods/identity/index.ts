// SPDX-License-Identifier: Apache-2.0
export { specHash } from "./hashes.ts";
export {
  ANNOTATION,
  LABEL,
  SPEC_HASH_ANNOTATION,
  containerAnnotations,
  containerLabels,
  podLabels,
} from "./labels.ts";
export { checkPod, isPathElement } from "./names.ts";
export { type Paths, lastWordsPath, logDir, logPath, podDir, volumeDir } from "./paths.ts";
