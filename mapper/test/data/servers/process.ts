// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../../hack/free-port.ts";

/** A real server in a folder of its own. */
export interface TestProcess {
  readonly port: number;
  readonly dir: string;
  start(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
  /** Stops and continues it, as a machine does that hangs. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export interface ProcessSpec {
  readonly command: string;
  /** Its arguments, with the port that it shall listen at. */
  readonly args: (port: number) => readonly string[];
  readonly dir: string;
}

const READY_MS = 30_000;
const KEPT_OUTPUT = 4_000;

export const makeDir = (name: string): string => mkdtempSync(join(tmpdir(), `longshore-${name}-`));

/** Starts a server and waits until it listens at its port. */
export async function startProcess({ command, args, dir }: ProcessSpec): Promise<TestProcess> {
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    let output = "";
    const started = spawn(command, args(port), { stdio: ["ignore", "pipe", "pipe"], cwd: dir });
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    };
    started.stdout.on("data", keep);
    started.stderr.on("data", keep);
    started.on("error", (error) => (output += error.message));
    child = started;
    await until(async () => {
      if (started.exitCode !== null || started.pid === undefined) throw new Error(`${command}: ${output}`);
      return accepts(port);
    }, READY_MS);
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  await start();
  return {
    ...{ port, dir, start, kill },
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
    stop: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Asks until it is so. @throws when it is not in time, and what `isSo` throws */
export async function until(isSo: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`not so within ${timeoutMs} ms: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

/** Runs a program to its end. @throws with its output when it fails */
export async function run(command: string, args: readonly string[], timeoutMs = 60_000): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${command} failed: ${output.slice(-KEPT_OUTPUT)}`);
}
