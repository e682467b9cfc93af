// SPDX-License-Identifier: Apache-2.0
import type { FrameOrigin } from "@longshore/crds/wire";
import type { Registry } from "prom-client";
import type { Client } from "../../runtime/client.ts";
import { systemClock, type Clock } from "../../runtime/clock.ts";
import { deviceMetrics, rejectCounter, taskReportMetrics } from "../metrics.ts";
import {
  type Actions,
  defaultRetry,
  defineHandler,
  Lanes,
  type RetryOptions,
  type UplinkRequest,
  type UplinkTools,
  withRetry,
} from "./handler/index.ts";
import { createDeviceHandler, type DeviceOptions } from "./device.ts";
import type { DeviceOwners } from "./device-owners.ts";
import { eventActions } from "./event.ts";
import { leaseActions } from "./lease.ts";
import { nodePatchActions, nodeStatusActions } from "./node-patch.ts";
import { nodeActions } from "./node.ts";
import { podPatchActions, podStatusActions } from "./pod-patch.ts";
import { podActions } from "./pod.ts";
import type { NodeEndpoint, SessionLog, UplinkHandler } from "./port.ts";
import { queryActions } from "./query.ts";
import { serviceAccountTokenActions } from "./service-account-token.ts";
import { createTaskReportHandler, type TaskReportOptions } from "./task-report.ts";

export { type DeviceOptions, defaultDeviceOptions } from "./device.ts";
export type { TaskReportOptions } from "./task-report.ts";
export { type DeviceOwners, type WatchedOwners, watchDeviceOwners } from "./device-owners.ts";
export { advertiseNode } from "./node-advertise.ts";
export type {
  NodeEndpoint,
  SessionGrants,
  SessionLog,
  UplinkHandler,
  UplinkResource,
  UplinkSession,
} from "./port.ts";
export type { RetryOptions } from "./handler/index.ts";

export interface UplinkDeps {
  readonly client: Client;
  readonly log: SessionLog;
  readonly registry: Registry;
  /** default: the real one */
  readonly clock?: Clock;
  readonly retry?: Partial<RetryOptions>;
  /** Ids and times of replies. */
  readonly origin?: FrameOrigin;
  /** Frames that may wait behind one object. Default 64. */
  readonly maxWaiting?: number;
  /** Objects in work in the whole hub before handlers make their sessions wait. Default 10,000. */
  readonly maxLanes?: number;
  /** Where the API server reaches these nodes; their Nodes advertise it. Absent: what they report. */
  readonly nodeEndpoint?: NodeEndpoint | undefined;
  /** How reports of devices are written. */
  readonly devices?: Partial<DeviceOptions>;
  /** How reports of tasks are written. */
  readonly tasks?: Partial<TaskReportOptions>;
  /** Where devices are; absent: the API server is asked. */
  readonly deviceOwners?: DeviceOwners;
}

const ALL: readonly Actions[] = [
  nodeActions,
  nodePatchActions,
  nodeStatusActions,
  leaseActions,
  podActions,
  podPatchActions,
  podStatusActions,
  ...queryActions,
  serviceAccountTokenActions,
  eventActions,
];

/** The handlers of all resource types that edges send. */
export function createUplinkHandlers(deps: UplinkDeps): UplinkHandler[] {
  const lanes = new Lanes<UplinkRequest>(deps.maxWaiting ?? 64);
  const rejects = rejectCounter(deps.registry);
  const tools = createTools(deps, rejects);
  const shared = { tools, lanes, rejects, origin: deps.origin ?? {}, maxLanes: deps.maxLanes ?? 10_000 };
  const devices = createDeviceHandler({
    ...shared,
    clock: deps.clock ?? systemClock,
    metrics: deviceMetrics(deps.registry),
    options: deps.devices,
    owners: deps.deviceOwners,
  });
  const tasks = createTaskReportHandler({
    ...shared,
    clock: deps.clock ?? systemClock,
    metrics: taskReportMetrics(deps.registry),
    options: deps.tasks,
  });
  return [...ALL.map((actions) => defineHandler(actions, shared)), devices, tasks];
}

function createTools(deps: UplinkDeps, rejects: ReturnType<typeof rejectCounter>): UplinkTools {
  const clock = deps.clock ?? systemClock;
  const options = { ...defaultRetry, ...deps.retry };
  return {
    client: deps.client,
    nodeEndpoint: deps.nodeEndpoint,
    clock,
    write: (session, call) => {
      const { signal } = session;
      signal.throwIfAborted();
      return withRetry(() => call(signal), { clock, signal, options });
    },
    drop: (session, reason) => {
      rejects.inc({ surface: "uplink", reason });
      deps.log.warn({ node: session.node, reason }, "part of an uplink frame left out");
    },
  };
}
