// SPDX-License-Identifier: Apache-2.0
import { describeFailure } from "./fault.ts";

/** Tells what is going on inside a step; on a terminal it replaces the previous remark. */
export type Say = (remark: string) => void;

export interface Steps {
  /** Runs one step, printing its title, remarks and elapsed time. @param talks it prints by itself: no reminders */
  run<T>(title: string, action: (say: Say) => Promise<T> | T, talks?: boolean): Promise<T>;
  /** What was run and how long each took. */
  table(): string;
}

interface Done {
  readonly title: string;
  readonly elapsedMs: number;
}

const REMIND_AFTER_MS = 5_000;

export const seconds = (elapsedMs: number): string => `${(elapsedMs / 1000).toFixed(1)} s`;

/** Steps that report to `out`; a step which is silent for five seconds says that it is still running. */
export function createSteps(
  out: NodeJS.WritableStream = process.stdout,
  now: () => number = () => performance.now(),
): Steps {
  const done: Done[] = [];
  const createdMs = now();
  const run = async <T>(title: string, action: (say: Say) => Promise<T> | T, talks = false): Promise<T> => {
    const startedMs = now();
    let remark = "";
    let spokenMs = startedMs;
    const say: Say = (text) => {
      remark = text;
      spokenMs = now();
      out.write(`    ${text}\n`);
    };
    const reminder = setInterval(() => {
      if (talks || now() - spokenMs < REMIND_AFTER_MS) return;
      spokenMs = now();
      out.write(`    … ${remark === "" ? title : remark} (${seconds(now() - startedMs)})\n`);
    }, 1_000);
    out.write(`▸ ${title}\n`);
    try {
      const result = await action(say);
      done.push({ title, elapsedMs: now() - startedMs });
      out.write(`✓ ${title}  ${seconds(now() - startedMs)}\n`);
      return result;
    } catch (error) {
      out.write(
        `✗ ${title}  ${seconds(now() - startedMs)}: ${describeFailure(error).split("\n")[0] ?? ""}\n`,
      );
      throw error;
    } finally {
      clearInterval(reminder);
    }
  };
  return { run, table: () => table(done, now() - createdMs) };
}

function table(done: readonly Done[], totalMs: number): string {
  const rows = [...done, { title: "total", elapsedMs: totalMs }];
  const width = Math.max(...rows.map(({ title }) => title.length));
  return rows
    .map(({ title, elapsedMs }) => `  ${title.padEnd(width)}  ${seconds(elapsedMs).padStart(8)}`)
    .join("\n");
}
