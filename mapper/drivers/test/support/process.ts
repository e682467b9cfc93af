// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";

/** A program that a test runs. Its standard output is read in lines, its errors are kept for messages. */
export interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  /** The next line of its output; rejects when it ends before. */
  line(): Promise<string>;
  /** Kills it, hard, and waits until it is gone. */
  readonly kill: () => Promise<void>;
}

export function run(command: string, args: readonly string[]): Program {
  const child = spawn(command, args, { stdio: "pipe" });
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve()).once("exit", () => resolve());
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_096)));
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    line: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${command} ended: ${errors}`);
      return value;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Real time: waits for what must come, and fails when it does not. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
