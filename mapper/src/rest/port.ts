// SPDX-License-Identifier: Apache-2.0

/** Why a request is refused; the HTTP status follows from it. */
export type FleetErrorCode =
  /** no device, property, method or model of that name here: 404 */
  | "NOT_FOUND"
  /** not a value of the property, out of its range, or the property is not the method's: 400 */
  | "INVALID"
  /** the property cannot be written: 405 */
  | "READ_ONLY"
  /** so many calls wait for this device already: 429 */
  | "BUSY"
  /** the device does not answer, or failed: 502 */
  | "DEVICE"
  /** no answer in time: 504 */
  | "TIMEOUT";

/** A request to a device that was not carried out. `message` is for people and holds no secret. */
export class FleetError extends Error {
  override readonly name = "FleetError";
  readonly code: FleetErrorCode;
  constructor(code: FleetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One property as it was read. */
export interface Reading {
  /** INT, FLOAT … */
  readonly type: string;
  /** As a twin carries it. */
  readonly value: string;
  readonly unit: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** A method of a device. */
export interface DeviceMethodInfo {
  readonly name: string;
  readonly description: string;
  readonly properties: readonly { readonly name: string; readonly type: string }[];
}

/** A model, as the edge told it. */
export interface ModelInfo {
  readonly namespace: string;
  readonly name: string;
  readonly properties: readonly {
    readonly name: string;
    readonly description: string;
    readonly type: string;
    readonly accessMode: string;
    readonly minimum: string;
    readonly maximum: string;
    readonly unit: string;
  }[];
}

/** What programs beside the mapper may ask of its devices. Calls of one device go one after the other. */
export interface FleetApi {
  /** `namespace/name` of every device that runs, sorted. */
  devices(): readonly string[];
  /** Asks the device itself. @throws {FleetError} */
  read(device: string, property: string, signal: AbortSignal): Promise<Reading>;
  /** @throws {FleetError} NOT_FOUND */
  methods(device: string): readonly DeviceMethodInfo[];
  /**
   * @param text the value as it was typed
   * @returns what the method returned, as a twin would carry it
   * @throws {FleetError}
   */
  call(
    device: string,
    method: { readonly name: string; readonly property: string; readonly text: string },
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** The model of a device. @throws {FleetError} NOT_FOUND */
  modelOf(device: string): ModelInfo;
  /** @param model `namespace/name`. @throws {FleetError} NOT_FOUND */
  model(model: string): ModelInfo;
}
