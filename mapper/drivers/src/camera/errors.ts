// SPDX-License-Identifier: Apache-2.0

export type CameraErrorCode =
  /** the camera, or the way to it, does not answer */
  | "UNREACHABLE"
  /** it answered and refused, or answered nonsense */
  | "REFUSED"
  /** a folder or file that this mapper may not use */
  | "NOT_ALLOWED"
  /** the folders for pictures hold as much as they may */
  | "DISK_LIMIT"
  /** ffmpeg failed, or is not there */
  | "FFMPEG_FAILED"
  /** the camera's stream ended too early */
  | "STREAM_ENDED";

/** What goes wrong with a camera. `message` never holds credentials. */
export class CameraError extends Error {
  override readonly name = "CameraError";
  readonly code: CameraErrorCode;
  constructor(code: CameraErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
