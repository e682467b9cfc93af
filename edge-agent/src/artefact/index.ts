// SPDX-License-Identifier: Apache-2.0
export { createArtefacts, type ArtefactOptions } from "./artefacts.ts";
export { ArtefactFault, type ArtefactFaultKind } from "./errors.ts";
export { PACKAGE_MANIFEST, PACKAGE_PROGRAM } from "./package.ts";
export { PACKAGE_FOLDER } from "./tar/index.ts";
