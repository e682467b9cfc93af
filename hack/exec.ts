// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { Fault } from "./fault.ts";

export interface ExecOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** SIGKILL after this long; default 120 s. */
  readonly timeoutMs?: number;
  /** Called with each complete line of both outputs, as it comes. */
  readonly onLine?: (line: string) => void;
  /** A non-zero exit becomes a result instead of a Fault. */
  readonly tolerant?: boolean;
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const KEEP_BYTES = 8 * 1024 * 1024;

/**
 * Runs a program to its end, without a shell.
 *
 * @throws {Fault} EXEC_FAILED with the end of its output, unless `tolerant`
 */
export async function exec(
  command: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const result = await collect(command, args, options);
  if (result.code === 0 || options.tolerant === true) return result;
  const tail = lastLines(result.stderr.trim() === "" ? result.stdout : result.stderr, 12);
  throw new Fault("EXEC_FAILED", `${command} ${args.slice(0, 4).join(" ")} failed (${result.code})\n${tail}`);
}

function collect(command: string, args: readonly string[], options: ExecOptions): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 120_000,
      killSignal: "SIGKILL",
    });
    const stdout = gather(options.onLine);
    const stderr = gather(options.onLine);
    child.stdout?.on("data", stdout.take);
    child.stderr?.on("data", stderr.take);
    child.stdin?.on("error", () => undefined); // a program may end without reading its input
    child.stdin?.end(options.input);
    child.once("error", (error) => {
      reject(new Fault("EXEC_FAILED", `cannot run ${command}: ${error.message}`, "", error));
    });
    child.once("close", (code) =>
      resolve({ code: code ?? 137, stdout: stdout.text(), stderr: stderr.text() }),
    );
  });
}

function gather(onLine: ((line: string) => void) | undefined) {
  let text = "";
  let open = "";
  return {
    take: (chunk: Buffer): void => {
      text = (text + chunk.toString()).slice(-KEEP_BYTES);
      const lines = (open + chunk.toString()).split("\n");
      open = lines.pop() ?? "";
      if (onLine) lines.forEach(onLine);
    },
    text: (): string => text,
  };
}

/** The last `count` lines of a text. */
export const lastLines = (text: string, count: number): string =>
  text.trimEnd().split("\n").slice(-count).join("\n");
