// SPDX-License-Identifier: Apache-2.0
export { createArtefacts, type ArtefactOptions } from "./artefacts.ts";
