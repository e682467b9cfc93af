// SPDX-License-Identifier: Apache-2.0

/** What pods may use of the node: what a limit that is not given means. */
export interface Allocatable {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
}
