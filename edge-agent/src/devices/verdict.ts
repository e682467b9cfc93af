// SPDX-License-Identifier: Apache-2.0

/** What a device can be; the cloud ignores every other word. */
export const DEVICE_STATES = ["online", "offline", "ok", "unknown", "unhealthy"] as const;

/** One of the five words. */
export type DeviceState = (typeof DEVICE_STATES)[number];

/** True for one of the five words. */
export const isDeviceState = (text: string): text is DeviceState =>
  (DEVICE_STATES as readonly string[]).includes(text);

/** Why a device is in its state; a few constant words, for people and for scripts. */
export const VERDICT_REASONS = [
  /** what its mapper said */
  "Reported",
  "ModelMissing",
  "NoProtocol",
  /** its configuration holds what mappers cannot be told */
  "Unsupported",
  /** a desired value is not of its property's type, or out of range */
  "ValueInvalid",
  /** no mapper of its protocol has registered */
  "MapperMissing",
  /** its mapper registered, and nobody answers at its socket */
  "MapperUnreachable",
  /** its mapper does not answer calls about this device */
  "MapperHung",
  /** its mapper refuses this device */
  "MapperRefuses",
] as const;

export type VerdictReason = (typeof VERDICT_REASONS)[number];

/** The state of a device, and why. KubeEdge's cloud reads the state and passes over the rest. */
export interface DeviceVerdict {
  readonly state: DeviceState;
  readonly reason: VerdictReason;
  /** One sentence; "" where the reason says it all. At most 512 characters. */
  readonly message: string;
  /** Name of the mapper that serves it; undefined when there is none. */
  readonly mapper?: string;
}
