// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import type { Call } from "./arguments.ts";
import { CameraError } from "./errors.ts";
import { framesOf, reasonOf } from "./progress.ts";

export interface FfmpegOptions {
  readonly program: string;
  /** Between SIGTERM and SIGKILL. */
  readonly killGraceMs: number;
  /** ffmpeg reports twice a second while it gets pictures; one that is silent for so long is ended. */
  readonly stallMs: number;
}

/** Runs ffmpeg once; resolves with the frames that it wrote. */
export type Ffmpeg = (call: Call, signal: AbortSignal) => Promise<number>;

/** Kept of what it says: the end tells why. */
const MAX_SAID = 8 * 1024;
/** Debian's util-linux: ends ffmpeg when this process dies, however it dies. */
const GUARD = "/usr/bin/setpriv";

export function createFfmpeg({ program, killGraceMs, stallMs }: FfmpegOptions): Ffmpeg {
  return async (call, signal) => {
    signal.throwIfAborted();
    const child = start(program, call);
    const stdout = tail(child.stdout);
    const stderr = tail(child.stderr);
    const abort = (): void => end(child, killGraceMs);
    signal.addEventListener("abort", abort, { once: true });
    const watch = watchSilence(child, stallMs, abort);
    try {
      const { code, by } = await ended(child);
      signal.throwIfAborted();
      if (watch.isStalled()) throw new CameraError("UNREACHABLE", "no more pictures come");
      if (code !== 0) throw failed(stderr(), code, by);
      return framesOf(stdout()) ?? 0;
    } finally {
      watch.end();
      signal.removeEventListener("abort", abort);
    }
  };
}

function watchSilence(child: ChildProcess, stallMs: number, onStall: () => void) {
  let isStalled = false;
  const timer = setTimeout(() => {
    isStalled = true;
    onStall();
  }, stallMs);
  child.stdout?.on("data", () => {
    if (!isStalled) timer.refresh();
  });
  return { isStalled: () => isStalled, end: () => clearTimeout(timer) };
}

/** No shell; of the environment, what finding programs and libraries needs. */
function start(program: string, { args, stdin }: Call): ChildProcess {
  const [file, given] = existsSync(GUARD)
    ? [GUARD, ["--pdeathsig", "TERM", "--", program, ...args]]
    : [program, [...args]];
  const env = { PATH: process.env["PATH"], LD_LIBRARY_PATH: process.env["LD_LIBRARY_PATH"], LC_ALL: "C" };
  const child = spawn(file, given, { shell: false, stdio: ["pipe", "pipe", "pipe"], env });
  // It may end before it has read its list; why, it says itself.
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  return child;
}

function end(child: ChildProcess, graceMs: number): void {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  child.once("close", () => clearTimeout(timer));
}

function ended(child: ChildProcess): Promise<{ code: number | null; by: string | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new CameraError("FFMPEG_FAILED", "ffmpeg does not start", { cause })),
    );
    child.once("close", (code, by) => resolve({ code, by }));
  });
}

function tail(stream: NodeJS.ReadableStream | null): () => string {
  let said = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    said = (said + chunk).slice(-MAX_SAID);
  });
  return () => said;
}

function failed(stderr: string, code: number | null, by: string | null): CameraError {
  if (by !== null) return new CameraError("FFMPEG_FAILED", `ffmpeg was killed by ${by}`);
  const reason = reasonOf(stderr);
  if (/40[13] /.test(reason)) return new CameraError("REFUSED", reason);
  if (/refused|timed out|unreachable|no route/i.test(reason)) return new CameraError("UNREACHABLE", reason);
  return new CameraError("FFMPEG_FAILED", `ffmpeg ended with ${code ?? "nothing"}: ${reason}`);
}
