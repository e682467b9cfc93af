// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import { HEALTH_TIMEOUT_MS, MAX_STARTS, type Disk } from "../../trial/index.ts";
import type { Artefacts } from "./port.ts";

/** What the steps of an upgrade need of the agent. */
export interface UpgradeDeps {
  /** `--agent-dir`; undefined: the agent was not started by its launcher and does not upgrade itself. */
  readonly agentDir: string | undefined;
  /** `longshore.backupDir` */
  readonly backupDir: string;
  /** `--config` */
  readonly configFile: string;
  readonly store: {
    /** The SQLite file. */
    readonly file: string;
    /** Schema that this agent writes, as the file's `user_version`. */
    readonly schema: number;
    /** Writes a whole copy to a file that does not exist (VACUUM INTO). */
    backup(to: string): void | Promise<void>;
  };
  readonly artefacts: Artefacts;
  isRuntimeHealthy(): boolean;
  /** Somebody can confirm here; default true. Without that, an upgrade that waits for it would wait for ever. */
  readonly takesConfirmation?: boolean;
  readonly clock: Clock;
  readonly log: AgentLog;
  /** Default: the machine's own. */
  readonly disk?: Disk;
  /** Default: `process.arch` */
  readonly arch?: string;
  /** Of this agent, for a slot whose manifest does not say; default: what it was built with. */
  readonly version?: string;
  readonly options?: Partial<UpgradeOptions>;
}

export interface UpgradeOptions {
  /** Image of a job that names none: KubeEdge's. */
  readonly defaultImage: string;
  readonly healthTimeoutMs: number;
  readonly maxStarts: number;
  /** Backups of older versions that are kept beside the newest. */
  readonly keptBackups: number;
  /** How often the trial's outcome is looked for. */
  readonly pollMs: number;
}

export const DEFAULT_UPGRADE: UpgradeOptions = {
  defaultImage: "kubeedge/installation-package",
  healthTimeoutMs: HEALTH_TIMEOUT_MS,
  maxStarts: MAX_STARTS,
  keptBackups: 4,
  pollMs: 500,
};

/** The same, complete, of an agent that has a launcher. */
export interface UpgradeParts extends Omit<UpgradeDeps, "options"> {
  readonly agentDir: string;
  readonly disk: Disk;
  readonly arch: string;
  readonly version: string;
  readonly options: UpgradeOptions;
}
