// SPDX-License-Identifier: Apache-2.0
export { PACKAGE_FOLDER, placeOf, type Place } from "./place.ts";
export { readTar, type TarEntry, type TarKind, type TarLimits } from "./read.ts";
