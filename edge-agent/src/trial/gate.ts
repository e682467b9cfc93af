// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import { systemDisk, type Disk } from "./disk.ts";
import { readTrial, writeTrial } from "./file.ts";
import type { Trial } from "./trial.ts";

/** How the agent knows that it is well. */
export interface HealthGateDeps {
  /** `--agent-dir`; undefined: no launcher, no trial. */
  readonly agentDir: string | undefined;
  isStoreOpen(): boolean;
  /** A session with the hub is established. */
  isConnected(): boolean;
  isRuntimeHealthy(): boolean;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly disk?: Disk;
  readonly options?: Partial<HealthGateOptions>;
}

export interface HealthGateOptions {
  readonly pollMs: number;
  /** So long without a break, it must be well. */
  readonly steadyMs: number;
}

/** The way to a verdict. */
interface HealthGate {
  stop(): void;
}

const DEFAULT_HEALTH_GATE: HealthGateOptions = { pollMs: 500, steadyMs: 3_000 };

/**
 * In an agent that was started on trial: says that it is well as soon as it is, by the trial's file. Says nothing
 * otherwise: the launcher counts the time and takes the change back.
 */
export function startHealthGate(deps: HealthGateDeps): HealthGate {
  const disk = deps.disk ?? systemDisk;
  const options = { ...DEFAULT_HEALTH_GATE, ...deps.options };
  let cancel = (): void => undefined;
  let wellSinceMs: number | undefined;
  let missing: string | undefined;

  /** For whoever reads the end of its log, in the job's status too. */
  const tell = (next: string | undefined): void => {
    if (next !== undefined && next !== missing) deps.log.warn({ missing: next }, NOT_WELL);
    missing = next;
  };
  const poll = (): void => {
    const trial = tryingIn(disk, deps);
    tell(trial === undefined ? undefined : missingOf(deps, trial));
    if (trial === undefined) return;
    const nowMs = deps.clock.monotonicMs();
    wellSinceMs = missing === undefined ? (wellSinceMs ?? nowMs) : undefined;
    if (wellSinceMs !== undefined && nowMs - wellSinceMs >= options.steadyMs && confirm(disk, deps, trial))
      return;
    cancel = deps.clock.schedule(options.pollMs, poll);
  };
  poll();
  const stop = (): void => {
    cancel();
    if (missing !== undefined) deps.log.warn({ missing }, "the changed agent ends, and was not well");
  };
  return { stop };
}

const NOT_WELL = "the changed agent is not well yet";

function tryingIn(disk: Disk, { agentDir, log }: HealthGateDeps): Trial | undefined {
  if (agentDir === undefined) return undefined;
  try {
    const trial = readTrial(disk, agentDir);
    return trial?.state === "trying" && trial.reason === undefined ? trial : undefined;
  } catch (err) {
    log.error({ err }, "the agent's trial cannot be read");
    return undefined;
  }
}

/** Pure but for the three questions. */
function missingOf(deps: HealthGateDeps, trial: Trial): string | undefined {
  if (!deps.isStoreOpen()) return "the store is not open";
  if (!deps.isConnected()) return "there is no session with the hub";
  if (trial.runtimeWasHealthy === true && !deps.isRuntimeHealthy())
    return "the container runtime is not healthy";
  return undefined;
}

/** @returns false when it could not be stored: the next poll tries again */
function confirm(disk: Disk, { agentDir, log }: HealthGateDeps, trial: Trial): boolean {
  try {
    writeTrial(disk, agentDir ?? "", { ...trial, state: "confirmed" });
    log.info({ trial: trial.id, starts: trial.starts }, "the changed agent is well");
    return true;
  } catch (err) {
    log.error({ err }, "that the agent is well cannot be stored");
    return false;
  }
}
