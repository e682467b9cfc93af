// SPDX-License-Identifier: Apache-2.0
import { pause, type Clock } from "../clock.ts";
import { type Slot, type Trial, type UndoParts } from "../trial/index.ts";
import { stopChild, type Child } from "./child.ts";
import { judge, restartDelayMs, type End } from "./decide.ts";
import type { LauncherLog } from "./log.ts";
import type { LauncherOptions } from "./options.ts";
import { prepareStart, store, trialIn } from "./prepare.ts";

/** What the launcher needs of the machine. */
export interface LauncherDeps {
  readonly parts: UndoParts;
  /** Becomes the agent; undefined: stays its parent. Does not come back but by an error. */
  readonly become: ((slot: Slot) => void) | undefined;
  start(slot: Slot, keepTail: boolean): Child;
  readonly clock: Clock;
  readonly log: LauncherLog;
  /** Ends when somebody stops the launcher. */
  readonly stopping: AbortSignal;
  readonly options: LauncherOptions;
}

/** There is nothing to start. */
export class NoAgentError extends Error {
  override readonly name = "NoAgentError";
  readonly code = "NO_AGENT";
  readonly retryable = false;
}

/**
 * Starts the agent, on trial where one is, until somebody stops it.
 *
 * @returns the exit code of the agent that was stopped
 * @throws {NoAgentError} no slot holds an agent
 */
export async function launch(deps: LauncherDeps): Promise<number> {
  const { clock, options, stopping } = deps;
  let endsInARow = 0;
  for (;;) {
    const startedMs = clock.monotonicMs();
    const ended = await startOnce(deps).catch((error: unknown) => failure(deps, error));
    if (isStopped(stopping)) return ended ?? 0;
    if (ended === undefined) continue;
    endsInARow = clock.monotonicMs() - startedMs >= options.calmMs ? 1 : endsInARow + 1;
    await pause(clock, restartDelayMs(endsInARow, options), stopping);
    if (isStopped(stopping)) return 0;
  }
}

const isStopped = (signal: AbortSignal): boolean => signal.aborted;

/** @returns exit code of an agent that ended by itself; undefined: go on at once */
async function startOnce(deps: LauncherDeps): Promise<number | undefined> {
  const { slot, trial } = prepareStart(deps.parts, deps.log);
  if (slot === undefined)
    throw new NoAgentError(`${deps.parts.agentDir} holds no agent: --seed names a folder with one`);
  if (trial !== undefined) return tryAgent(deps, slot, trial);
  deps.become?.(slot);
  const child = deps.start(slot, false);
  const stopped = whenStopped(deps, child);
  const { code } = await child.ended;
  stopped();
  return code ?? FAILED;
}

const FAILED = 70;

/** A disk that fails now may be well soon: who would start the launcher again where it stays? */
function failure({ log }: LauncherDeps, error: unknown): number {
  if (error instanceof NoAgentError) throw error;
  log("error", `the agent cannot be started now: ${String(error)}`);
  return FAILED;
}

async function tryAgent(deps: LauncherDeps, slot: Slot, trial: Trial): Promise<number | undefined> {
  const { parts, log } = deps;
  log("info", `start ${trial.starts} of ${trial.maxStarts} with the change ${trial.id}`);
  const child = deps.start(slot, true);
  const stopped = whenStopped(deps, child);
  const end = await watch(deps, child, trial.healthTimeoutMs);
  stopped();
  // The agent has ended: nobody else writes the file now.
  const last = trialIn(parts, log);
  const code = end.by === "itself" ? (end.code ?? FAILED) : undefined;
  if (last?.state !== "trying") return code;
  store(parts, judge(last, end, child.tail()), log);
  return code;
}

/** Resolves when the agent has ended: by itself, or ended by us because its time was over or its trial is. */
async function watch(deps: LauncherDeps, child: Child, healthTimeoutMs: number): Promise<End> {
  const { clock, options, stopping } = deps;
  const endMs = clock.monotonicMs() + healthTimeoutMs;
  for (;;) {
    const ended = await Promise.race([child.ended, after(clock, options.pollMs)]);
    if (stopping.aborted) return child.ended.then(() => ({ by: "stop" }));
    if (ended !== undefined) return { by: "itself", ...ended };
    const isConfirmed = isOver(deps);
    if (isConfirmed && deps.become === undefined)
      return child.ended.then((last) => ({ by: "itself", ...last }));
    if (!isConfirmed && clock.monotonicMs() < endMs) continue;
    await stopChild(child, clock, options.graceMs);
    return { by: "time" };
  }
}

/** The job that made the trial removes it once it knows that the agent is well. */
function isOver({ parts, log }: LauncherDeps): boolean {
  try {
    return trialIn(parts, log)?.state !== "trying";
  } catch (error) {
    log("error", `the trial cannot be read now: ${String(error)}`);
    return false;
  }
}

const after = (clock: Clock, ms: number): Promise<undefined> =>
  new Promise((resolve) => void clock.schedule(ms, () => resolve(undefined)));

/** Hands the stop on, and ends an agent that does not follow. @returns the end of that */
function whenStopped({ stopping, clock, options }: LauncherDeps, child: Child): () => void {
  const stop = (): void => void stopChild(child, clock, options.graceMs);
  if (stopping.aborted) stop();
  stopping.addEventListener("abort", stop, { once: true });
  return () => stopping.removeEventListener("abort", stop);
}
