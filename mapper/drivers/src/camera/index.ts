// SPDX-License-Identifier: Apache-2.0
export { CameraError, type CameraErrorCode } from "./errors.ts";
export { cameraMapper, type OpenCamera, type StreamRecord } from "./mapper.ts";
export { cameraOptionsOf, DEFAULT_CAMERA_OPTIONS, type CameraOptions } from "./options.ts";
