// SPDX-License-Identifier: Apache-2.0

/** What does not change while the machine runs. */
export interface MachineFacts {
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** Go's name: amd64, arm64, arm */
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Size in KiB of the pages → bytes reserved for them. */
  readonly hugepages: Readonly<Record<string, number>>;
}

/** What the next look may find changed. */
export interface MachineState {
  readonly memoryAvailableBytes: number;
  readonly disk: {
    readonly bytes: number;
    readonly availableBytes: number;
    readonly inodes: number;
    readonly inodesFree: number;
  };
  readonly ip: string;
}
