// SPDX-License-Identifier: Apache-2.0

/** Why the SDK refuses or fails; tell them apart by `code`. */
export type MapperErrorCode =
  /** an option of createMapper makes no sense */
  | "OPTION_INVALID"
  /** the mapper's own socket cannot be served: its path, or another process on it */
  | "SOCKET_UNUSABLE"
  /** the file with the mapper's token is there and cannot be used */
  | "TOKEN_UNREADABLE"
  /** a message of the edge that cannot be carried out */
  | "INVALID_DEVICE"
  /** more devices, models or properties than the options allow */
  | "LIMIT_EXCEEDED"
  | "NOT_FOUND"
  /** a value that is not of the property's type or range */
  | "VALUE_INVALID"
  /** the driver does not what a driver must */
  | "DRIVER_FAULT"
  /** a call of the driver did not end in time */
  | "DRIVER_TIMEOUT"
  /** the mapper is stopping */
  | "STOPPED";

/** Every error that the SDK throws or logs. `retryable` is true where the same call may succeed later. */
export class MapperError extends Error {
  override readonly name = "MapperError";
  readonly code: MapperErrorCode;
  readonly retryable: boolean;
  constructor(code: MapperErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "DRIVER_TIMEOUT" || code === "LIMIT_EXCEEDED" || code === "STOPPED";
  }
}

/** One sentence of whatever was thrown, bounded in length. Never throws. */
export function reasonOf(error: unknown): string {
  const text = textOf(error);
  return text.length > 256 ? `${text.slice(0, 255)}…` : text;
}

function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "something that is no text was thrown"; // without a prototype, or with a toString that throws itself
  }
}
