// SPDX-License-Identifier: Apache-2.0
export { createImageGc } from "./gc.ts";
export { createImages, type Images, type ImageUser } from "./images.ts";
