// SPDX-License-Identifier: Apache-2.0
// What one property is known to be and wanted to be. Pure: every change returns a new state.
import type { Twin } from "@longshore/crds/dmi";
import type { Value } from "../driver.ts";
import { TWIN_TYPES } from "../values/convert.ts";
import type { PropertyPlan } from "./properties.ts";

export interface Reading {
  readonly value: Value;
  /** As a twin carries it. */
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** One property between its device and the edge. */
export interface TwinState {
  /** The newest reading; older ones are not kept. */
  readonly latest?: Reading;
  /** Counts what there is to report: readings, and desired values taken. */
  readonly version: number;
  /** The version that the edge has. */
  readonly reportedVersion: number;
  /** The desired value that is dealt with (written, or refused for good), "" for none. */
  readonly settledDesired: string;
  /** When it was seen here, milliseconds since the epoch. */
  readonly desiredSeenMs: number;
}

export const NEW_TWIN: TwinState = {
  version: 0,
  reportedVersion: 0,
  settledDesired: "",
  desiredSeenMs: 0,
};

export const withReading = (twin: TwinState, latest: Reading): TwinState => ({
  ...twin,
  latest,
  version: twin.version + 1,
});

/** The desired value was written, or will never be: not again until it changes. */
export const withSettledDesired = (twin: TwinState, desired: string): TwinState => ({
  ...twin,
  settledDesired: desired,
});

/** Another desired value came: the edge hears that it was seen. */
export const withSeenDesired = (twin: TwinState, atMs: number): TwinState => ({
  ...twin,
  desiredSeenMs: atMs,
  version: twin.version + 1,
});

export const isDesiredOpen = (twin: TwinState, plan: PropertyPlan): boolean =>
  plan.desired !== "" && twin.settledDesired !== plan.desired;

/** Without a reading there is nothing to report: an empty value would hide the last one. */
export const hasNews = (twin: TwinState): boolean =>
  twin.latest !== undefined && twin.version > twin.reportedVersion;

/** The edge has taken a report made of `version`. */
export const asReported = (twin: TwinState, version: number): TwinState => ({
  ...twin,
  reportedVersion: Math.max(twin.reportedVersion, version),
});

/** The edge may not have it any more. */
export const asUnreported = (twin: TwinState): TwinState => ({ ...twin, reportedVersion: 0 });

/** The twin as a report carries it; both halves always, for KubeEdge's edge reads them without a check. */
export function toTwin(twin: TwinState, plan: PropertyPlan): Twin {
  const type = TWIN_TYPES[plan.property.type];
  return {
    propertyName: plan.property.name,
    reported: {
      value: twin.latest?.text ?? "",
      metadata: { timestamp: String(twin.latest?.atMs ?? 0), type },
    },
    observedDesired: {
      value: plan.desired,
      metadata: plan.desired === "" ? { type } : { timestamp: String(twin.desiredSeenMs), type },
    },
  };
}
