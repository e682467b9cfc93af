// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../fault.ts";
import type { HubPorts } from "./cloud.ts";
import type { Layout } from "./layout.ts";

/** What later commands need to know of a running environment; kept in `state.json`. */
export interface EnvironmentState {
  readonly kubectl: string;
  readonly node: string;
  readonly cloud: HubPorts;
  /** The second hub. */
  readonly hubB?: HubPorts;
  /** Where the controllers look for Prometheus, if anybody starts one. */
  readonly prometheusPort?: number;
}

/** @throws {Fault} NOT_UP when no environment was brought up completely */
export function readState(layout: Layout): EnvironmentState {
  if (!isUp(layout)) throw new Fault("NOT_UP", `nothing runs in ${layout.dir}`, "make up");
  return JSON.parse(readFileSync(statePath(layout), "utf8")) as EnvironmentState;
}

/** Whether it was brought up completely, and not removed since. */
export const isUp = (layout: Layout): boolean => existsSync(statePath(layout));

/** Marks an environment as brought up. */
export const writeState = (layout: Layout, state: EnvironmentState): void =>
  writeFileSync(statePath(layout), JSON.stringify(state, null, 2));

const statePath = (layout: Layout): string => join(layout.dir, "state.json");
