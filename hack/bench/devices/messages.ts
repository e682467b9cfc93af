// SPDX-License-Identifier: Apache-2.0

/** What a load of devices asks of the process of its mapper. */
export type Order =
  | { readonly do: "register"; readonly socket: string; readonly agent: string; readonly protocol: string }
  /** Every device once in a period, spread over it, with all its properties, until the next order. */
  | { readonly do: "load"; readonly devices: readonly string[]; readonly periodMs: number }
  /** One report of one device. */
  | { readonly do: "report"; readonly device: string }
  | { readonly do: "rest" }
  | { readonly do: "stop" };

/** What the process tells, some ten times a second. */
export interface Progress {
  readonly isRegistered: boolean;
  /** Devices that the agent told the mapper of. */
  readonly devices: number;
  readonly taken: number;
  readonly refused: number;
}

export const EMPTY: Progress = { isRegistered: false, devices: 0, taken: 0, refused: 0 };
export const NAMESPACE = "bench";
export const PROPERTIES = ["a", "b", "c", "d", "e"] as const;
