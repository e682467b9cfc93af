// SPDX-License-Identifier: Apache-2.0

/** How large what is rendered may become. */
export interface RenderLimits {
  /** Targets of one application. */
  readonly maxTargets: number;
  /** Objects of one application, and of one target. */
  readonly maxChildren: number;
  /** Levels of objects and lists within a manifest. */
  readonly maxDepth: number;
  /** Values within a manifest, after patches, too. */
  readonly maxValues: number;
  /** Operations of one JSON patch. */
  readonly maxOperations: number;
}

/** Far above what people write, and far below what a request to the API server can hold. */
export const DEFAULT_RENDER_LIMITS: RenderLimits = {
  maxTargets: 2000,
  maxChildren: 5000,
  maxDepth: 64,
  maxValues: 100_000,
  maxOperations: 1000,
};
