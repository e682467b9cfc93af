// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import { LOG_CHARS } from "../trial/index.ts";

/** An agent that runs below the launcher. */
export interface Child {
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  signal(signal: NodeJS.Signals): void;
  /** End of what it wrote; "" where its output was not read. */
  tail(): string;
}

/** How to start an agent. */
export interface Command {
  /** This Node itself. */
  readonly node: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * In the environment of an agent below a launcher: its parent, as a process id. An agent whose parent is another by now
 * has lost its launcher.
 */
export const PARENT_VARIABLE = "LONGSHORE_LAUNCHER";

/** @param keepTail reads what it writes on the way through */
export function startChild({ node, args, env }: Command, keepTail: boolean): Child {
  const output = keepTail ? "pipe" : "inherit";
  const child = spawn(node, [...args], {
    stdio: ["inherit", output, output],
    env: { ...env, [PARENT_VARIABLE]: String(process.pid) },
  });
  let tail = "";
  const passOn = (from: Readable, to: NodeJS.WriteStream): void => {
    from.on("data", (chunk: Buffer) => {
      tail = (tail + chunk.toString("utf8")).slice(-LOG_CHARS);
      to.write(chunk);
    });
  };
  if (child.stdout !== null) passOn(child.stdout, process.stdout);
  if (child.stderr !== null) passOn(child.stderr, process.stderr);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
    child.once("error", (error) => {
      tail = String(error);
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
  return { ended, signal: (signal) => void child.kill(signal), tail: () => tail };
}

/** Asks it to end, and ends it when it does not. */
export async function stopChild(child: Child, clock: Clock, graceMs: number): Promise<void> {
  child.signal("SIGTERM");
  const cancel = clock.schedule(graceMs, () => child.signal("SIGKILL"));
  await child.ended;
  cancel();
}
