// SPDX-License-Identifier: Apache-2.0
import type { Twin } from "@longshore/crds/dmi";
import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import type { DataPlane } from "../data/index.ts";
import type { DeviceState, Driver } from "../driver.ts";
import type { MapperLog } from "../log.ts";
import type { MapperOptions } from "../options.ts";

/** How a report ended. */
export type ReportResult =
  | "taken"
  /** the edge is away, or did not answer: the same again later */
  | "later"
  /** the edge will not take this */
  | "refused";

/** The edge, as a device sees it. Never throws. */
export interface EdgeReports {
  isReady(): boolean;
  status(device: DeviceName, twins: readonly Twin[], signal: AbortSignal): Promise<ReportResult>;
  state(device: DeviceName, state: DeviceState, signal: AbortSignal): Promise<ReportResult>;
}

export interface DeviceName {
  readonly namespace: string;
  readonly name: string;
}

/** What a device runs on. */
export interface DeviceDeps {
  readonly driver: Driver;
  readonly edge: EdgeReports;
  readonly dataPlane: Pick<DataPlane, "offer" | "forget">;
  readonly options: MapperOptions;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: MapperLog;
  /** uniform in [0, 1) */
  readonly random: () => number;
}
