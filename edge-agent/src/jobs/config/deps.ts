// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import type { ConfigDisk } from "./disk.ts";

/** Bounds and times of a change of the configuration. */
export interface ConfigOptions {
  /** Time for the agent with the new file to be well; R35's 120 s */
  readonly healthTimeoutMs: number;
  /** Starts that it gets; 3 */
  readonly maxStarts: number;
  /** How often the same change is put on trial, when it was not made before the agent ended; 3 */
  readonly maxMakes: number;
  /** Backups of the file in the folder of one version; 10 */
  readonly keepBackups: number;
  /** How often the trial is looked at; 500 ms */
  readonly pollMs: number;
}

/** What the steps need of the agent. */
export interface ConfigSteps {
  /** `--config` */
  readonly file: string;
  /** `--agent-dir`; undefined: the agent was not started by its launcher */
  readonly agentDir: string | undefined;
  readonly backupDir: string;
  /** Of this agent; names the folder below backupDir. */
  readonly version: string;
  readonly isRuntimeHealthy: () => boolean;
  readonly disk: ConfigDisk;
  readonly clock: Pick<Clock, "schedule">;
  readonly log: AgentLog;
  readonly options: ConfigOptions;
}
