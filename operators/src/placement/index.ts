// SPDX-License-Identifier: Apache-2.0
export { addPlacementController, type Placing, type PlacementTuning } from "./controller.ts";
export { addSweep } from "./sweep.ts";
export { EDGE_NODES, refOf, trimmedMeta, trimObject, type Selection, type Trimmed } from "./trimmed.ts";
