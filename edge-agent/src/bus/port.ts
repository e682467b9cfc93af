// SPDX-License-Identifier: Apache-2.0

/** A value and when it was taken, in milliseconds since the epoch. */
export interface BusValue {
  readonly value: string;
  readonly timestampMs: number;
  /** Whoever reported it wrote the time; otherwise it is that of arrival. */
  readonly isStamped?: boolean;
}

/** One property's twin as MQTT clients see it. */
export interface BusTwin {
  readonly type: string;
  readonly expected?: BusValue;
  readonly actual?: BusValue;
}

/** One device of this node. */
export interface BusDevice {
  readonly namespace: string;
  readonly name: string;
  readonly description: string;
}

/** How a report of a device was taken. */
export type BookAnswer = "taken" | "unknown device" | "unknown property" | "invalid" | "no room";

/** What changed in the book. `device` is `<namespace>/<name>`. */
export type BookEvent =
  | { readonly kind: "added" | "removed" | "updated"; readonly device: string }
  | {
      readonly kind: "twin";
      readonly device: string;
      readonly property: string;
      readonly last: BusTwin | undefined;
      readonly current: BusTwin;
    };

/** The devices of this node with their twins and states, as the event bus reads and writes them. */
export interface DeviceBook {
  list(): readonly BusDevice[];
  /** By name of the property; undefined for a device that is not here. */
  twins(device: string): ReadonlyMap<string, BusTwin> | undefined;
  state(device: string): string | undefined;
  reportTwins(
    device: string,
    twins: ReadonlyMap<string, { readonly expected?: BusValue; readonly actual?: BusValue }>,
  ): BookAnswer;
  reportState(device: string, state: string): BookAnswer;
  /** @returns how to stop it */
  subscribe(listener: (event: BookEvent) => void): () => void;
}
