// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { exec } from "../exec.ts";
import type { Kubectl } from "../cluster/kubectl.ts";
import { eventually } from "./eventually.ts";

/** A kubectl that runs: what it says is read while it does, and it is written to. */
export interface KubectlSession {
  /** Everything so far. On a terminal, standard error is among standard output. */
  stdout(): string;
  stderr(): string;
  /** Waits until standard output, from where the last call of this stopped, matches; returns the match. */
  says(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  write(text: string): void;
  /** Ends standard input. */
  end(): void;
  /** Exit code; 128 and the signal's number when a signal ended it. */
  readonly ended: Promise<number>;
  isRunning(): boolean;
  stop(): Promise<void>;
}

/** One that runs on a terminal of its own. */
export interface TerminalSession extends KubectlSession {
  resize(size: TerminalSize): Promise<void>;
}

interface SessionOptions {
  /** What standard input is read from; it is open until `end()` otherwise. */
  readonly stdin?: Readable;
  readonly env?: Readonly<Record<string, string>>;
}

export interface KubectlSessions {
  /** Starts kubectl with pipes. */
  start(args: readonly string[], options?: SessionOptions): KubectlSession;
  /** Starts kubectl on a pseudo terminal, as a person at a screen has it. */
  onTerminal(args: readonly string[], size: TerminalSize): Promise<TerminalSession>;
  /** For afterEach: stops those that still run. */
  stopAll(): Promise<void>;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

const SAYS_MS = 30_000;
const SIGKILLED = 137;

export function createSessions(kubectl: () => Kubectl): KubectlSessions {
  const made: KubectlSession[] = [];
  const keep = <T extends KubectlSession>(session: T): T => {
    made.push(session);
    return session;
  };
  return {
    start: (args, options) => keep(startKubectl(kubectl(), args, options)),
    onTerminal: async (args, size) => keep(await startOnTerminal(kubectl(), args, size)),
    stopAll: async () => {
      await Promise.all(made.splice(0).map((session) => session.stop()));
    },
  };
}

function startKubectl(
  kubectl: Kubectl,
  args: readonly string[],
  options: SessionOptions = {},
): KubectlSession {
  const [command, ...flags] = kubectl.argv;
  const child = spawn(command, [...flags, ...args], { env: { ...process.env, ...options.env } });
  child.stdin.on("error", () => undefined); // it may end without reading all
  options.stdin?.pipe(child.stdin);
  return sessionOf(child);
}

async function startOnTerminal(
  kubectl: Kubectl,
  args: readonly string[],
  size: TerminalSize,
): Promise<TerminalSession> {
  const dir = mkdtempSync(join(tmpdir(), "longshore-terminal-"));
  const tty = join(dir, "tty");
  const words = [...kubectl.argv, ...args].map(quoted).join(" ");
  const prepare = `stty rows ${size.rows} cols ${size.columns}; tty > ${tty}.part; mv ${tty}.part ${tty}`;
  const child = spawn("script", ["-qefc", `${prepare}; exec ${words}`, "/dev/null"]);
  child.stdin.on("error", () => undefined);
  const session = sessionOf(child);
  void session.ended.finally(() => rmSync(dir, { recursive: true, force: true }));
  const device = await eventually(() => readFileSync(tty, "utf8").trim(), { timeoutMs: 5_000 });
  return {
    ...session,
    resize: async ({ rows, columns }) => {
      await exec("stty", ["-F", device, "rows", `${rows}`, "cols", `${columns}`]);
    },
  };
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

function sessionOf(child: ChildProcess): KubectlSession {
  let stdout = "";
  let stderr = "";
  let readTo = 0;
  let isRunning = true;
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString("latin1")));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      isRunning = false;
      resolve(code ?? SIGKILLED);
    });
  });
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    says: (pattern, timeoutMs = SAYS_MS) =>
      eventually(
        () => {
          const match = pattern.exec(stdout.slice(readTo));
          if (!match)
            throw new Error(`no ${pattern.source} in ${JSON.stringify(stdout.slice(readTo))}; ${stderr}`);
          readTo += match.index + match[0].length;
          return match;
        },
        { timeoutMs, intervalMs: 25 },
      ),
    write: (text) => void child.stdin?.write(text),
    end: () => child.stdin?.end(),
    ended,
    isRunning: () => isRunning,
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
