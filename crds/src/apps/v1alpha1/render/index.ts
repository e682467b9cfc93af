// SPDX-License-Identifier: Apache-2.0
export { imagesOf } from "./images.ts";
export { DEFAULT_RENDER_LIMITS, type RenderLimits } from "./limits.ts";
export { isCopied } from "./manifest.ts";
export { versionLabel } from "./names.ts";
export { specNotes, targetNotes } from "./notes.ts";
export { renderShared } from "./shared.ts";
export { renderTarget } from "./target.ts";
export { targetsOf, type ScopeFault, type Targets } from "./targets.ts";
export type {
  Child,
  ChildObject,
  GroupFacts,
  Json,
  Owner,
  Rendered,
  RenderedSpec,
  RenderFault,
  RenderTargetInput,
  Target,
} from "./types.ts";
