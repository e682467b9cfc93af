// SPDX-License-Identifier: Apache-2.0
import { formatKey } from "@longshore/crds/wire";
import type { AgentConfig } from "../config/index.ts";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import type { DesiredStore } from "../store/port.ts";
import type { Uplink } from "../tunnel/port.ts";
import type { MachineFacts, MachineState } from "./facts.ts";
import { startLease } from "./lease.ts";
import { nodeObject } from "./object.ts";
import { readObjectReply } from "./reply.ts";
import {
  conditionsOf,
  differs,
  nodeStatus,
  statusPatch,
  type NodeCondition,
  type NodeStatus,
} from "./status.ts";

/** What reporting the Node needs of the agent. */
export interface NodeDeps {
  readonly config: AgentConfig["node"];
  readonly facts: MachineFacts;
  readonly readState: () => MachineState;
  readonly runtimeVersion: () => string;
  readonly runtimeHealthy: () => boolean;
  readonly uplink: Uplink & { isNegotiated(): boolean };
  readonly desired: DesiredStore;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** The part of the agent that speaks for the machine. */
export interface NodeReporter {
  start(): void;
  stop(): void;
}

/** After a takeover an old hub may still write what it had: the second complete status corrects it. */
const SECOND_REPORT_MS = 15_000;
const HEALTH_CHECK_MS = 1_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** Makes this machine a Node and keeps its status true, for as long as there is a connection. */
export function createNodeReporter(deps: NodeDeps): NodeReporter {
  const { config, uplink, clock, log, desired } = deps;
  const key = formatKey({ kind: "node", namespace: "", name: config.name });
  const timers = new Set<() => void>();
  let registered = false;
  let previous: readonly NodeCondition[] = [];
  let sent: { status: NodeStatus; atMs: number } | undefined;
  let stopLease: (() => void) | undefined;
  let unsubscribe: (() => void)[] = [];

  const after = (delayMs: number, fn: () => void): void => {
    const cancel = clock.schedule(delayMs, () => {
      timers.delete(cancel);
      fn();
    });
    timers.add(cancel);
  };
  const compute = (): NodeStatus => {
    const known = previous.length > 0 ? previous : conditionsOf(desired.get(key)?.value);
    const status = nodeStatus({
      name: config.name,
      maxPods: config.maxPods,
      facts: deps.facts,
      state: deps.readState(),
      runtimeVersion: deps.runtimeVersion(),
      runtimeHealthy: deps.runtimeHealthy(),
      nowMs: clock.nowMs(),
      previous: known,
    });
    previous = status.conditions;
    return status;
  };

  const report = async (): Promise<void> => {
    const status = compute();
    const resource = `null/nodepatch/${config.name}`;
    const reply = readObjectReply(
      await uplink.request({ operation: "patch", resource, content: statusPatch(status) }),
    );
    if (reply.errorCode === 404) registered = false;
    if (reply.errorCode !== undefined)
      throw new Error(`status refused with code ${reply.errorCode} ${reply.reason}`);
    sent = { status, atMs: clock.monotonicMs() };
  };
  const register = async (): Promise<void> => {
    const status = compute();
    const content = nodeObject(config, deps.facts.architecture, status);
    const resource = `null/node/${config.name}`;
    const reply = readObjectReply(await uplink.request({ operation: "insert", resource, content }));
    // 409: it exists already; the cloud pushes it as it is.
    if (reply.errorCode !== undefined && reply.errorCode !== 409) {
      throw new Error(`registration refused with code ${reply.errorCode} ${reply.reason}`);
    }
    registered = true;
    log.info({ node: config.name, existed: reply.errorCode === 409 }, "node registered");
  };

  const isDue = (): boolean => {
    if (sent === undefined) return true;
    return clock.monotonicMs() - sent.atMs >= config.statusReportMs || differs(compute(), sent.status);
  };
  const work = async (force: boolean): Promise<void> => {
    if (!uplink.isConnected()) return;
    if (config.register && !registered) await register();
    if (!uplink.isNegotiated()) keepLease();
    if (force || isDue()) await report();
  };
  const keepLease = (): void => {
    const { name: node, leaseDurationSeconds: durationSeconds } = config;
    stopLease ??= startLease({ ...deps, node, nodeUid: () => desired.get(key)?.uid, durationSeconds });
  };

  let busy = false;
  let wanted: { force: boolean } | undefined;
  let failures = 0;
  let retrying = false;
  const retryLater = (force: boolean): void => {
    if (retrying) return;
    retrying = true;
    after(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(failures++, 10)), () => {
      retrying = false;
      run(force);
    });
  };
  /** One look at a time; what is asked for meanwhile shares one more look afterwards. */
  const drain = async (): Promise<void> => {
    while (wanted !== undefined) {
      const { force } = wanted;
      wanted = undefined;
      try {
        await work(force);
        failures = 0;
      } catch (err) {
        log.warn({ err, node: config.name }, "node could not be reported");
        retryLater(force);
      }
    }
    busy = false;
  };
  const run = (force: boolean): void => {
    wanted = { force: force || wanted?.force === true };
    if (busy) return;
    busy = true;
    void drain();
  };
  const tick = (): void => {
    run(false);
    after(config.statusUpdateMs, tick);
  };
  /** A runtime that came or went is news at once. */
  const watchHealth = (before: boolean): void => {
    const healthy = deps.runtimeHealthy();
    if (healthy !== before) run(false);
    after(HEALTH_CHECK_MS, () => watchHealth(healthy));
  };
  const onState = (connected: boolean): void => {
    stopLease?.();
    stopLease = undefined;
    if (!connected) return;
    // A Node that is not in the store may have been deleted while we were away.
    if (desired.get(key) === undefined) registered = false;
    run(true);
    after(SECOND_REPORT_MS, () => run(true));
  };

  return {
    start: () => {
      const onNode = desired.subscribe("node", (event) => {
        if (event.type === "delete" && event.object.key === key) registered = false;
      });
      unsubscribe = [uplink.onState(onState), onNode];
      if (uplink.isConnected()) onState(true);
      after(config.statusUpdateMs, tick);
      after(HEALTH_CHECK_MS, () => watchHealth(deps.runtimeHealthy()));
    },
    stop: () => {
      stopLease?.();
      for (const cancel of timers) cancel();
      for (const off of unsubscribe) off();
    },
  };
}
