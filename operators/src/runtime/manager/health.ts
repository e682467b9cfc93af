// SPDX-License-Identifier: Apache-2.0

/** Resolves when all is well; its error's message is logged, never shown. */
export type HealthCheck = () => Promise<void> | void;

export interface HealthReport {
  readonly healthy: boolean;
  readonly text: string;
  /** Why checks failed, for the log. */
  readonly failures: Readonly<Record<string, string>>;
}

export interface HealthChecks {
  add(name: string, check: HealthCheck): void;
  has(name: string): boolean;
  /** Runs all checks but the excluded, or only the named one. */
  run(options: { exclude?: ReadonlySet<string>; only?: string; verbose?: boolean }): Promise<HealthReport>;
}

/** Named checks behind one address; `ping` is always there. @param title `healthz` or `readyz` */
export function createHealthChecks(title: string): HealthChecks {
  const checks = new Map<string, HealthCheck>([["ping", () => undefined]]);
  return {
    add(name, check) {
      if (checks.has(name)) throw new Error(`check ${JSON.stringify(name)} exists`);
      checks.set(name, check);
    },
    has: (name) => checks.has(name),
    async run({ exclude = new Set(), only, verbose = false }) {
      const chosen = [...checks].filter(([name]) =>
        only === undefined ? !exclude.has(name) : name === only,
      );
      const failures: Record<string, string> = {};
      const lines: string[] = [];
      for (const [name, check] of chosen) {
        try {
          await check();
          lines.push(`[+]${name} ok`);
        } catch (error) {
          failures[name] = error instanceof Error ? error.message : String(error);
          lines.push(`[-]${name} failed: reason withheld`);
        }
      }
      const healthy = Object.keys(failures).length === 0;
      lines.push(`${title} check ${healthy ? "passed" : "failed"}`);
      return { healthy, failures, text: healthy && !verbose ? "ok" : `${lines.join("\n")}\n` };
    },
  };
}
