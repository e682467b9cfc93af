// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readdirSync, readlinkSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import type { LogOptions, LogsRequest } from "@longshore/crds/stream";
import { systemClock } from "../../../src/clock.ts";
import type { AgentLog } from "../../../src/log.ts";
import { rotateLog } from "../../../src/pods/container/logs.ts";
import { openLog, type OpenLogDeps } from "../../../src/streams/logs/index.ts";
import type { ContainerRun } from "../../../src/streams/port.ts";

/** Writes a log as containerd does: into the file that it opened, whatever its name is now, until it reopens. */
export class LogWriter {
  readonly path: string;
  #fd: number;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, "a");
  }
  raw(text: string): void {
    writeSync(this.#fd, text);
  }
  line(text: string, stream = "stdout"): void {
    this.raw(`2026-11-21T02:07:05.123456789Z ${stream} F ${text}\n`);
  }
  reopen(): void {
    const old = this.#fd;
    this.#fd = openSync(this.path, "a");
    closeSync(old);
  }
  close(): void {
    closeSync(this.#fd);
  }
}

export const LOG_OF_RUN = (attempt: number): string => `default_p_u/c/${attempt}.log`;

/** A node with one pod `p` of one container `c`, whose runs the test decides. */
export class LogNode {
  readonly root: string;
  readonly logs: string;
  runs: ContainerRun[] = [{ id: "id-0", podUid: "u", attempt: 0, isRunning: true }];
  readonly warnings: string[] = [];
  malformed = 0;
  gaps = 0;
  #rotations = 0;
  readonly #writers: LogWriter[] = [];
  readonly #streams: Readable[] = [];

  private constructor(root: string) {
    this.root = root;
    this.logs = join(root, "pods");
  }
  static async create(): Promise<LogNode> {
    const node = new LogNode(await realpath(await mkdtemp(join(tmpdir(), "logs-"))));
    await mkdir(join(node.logs, "default_p_u", "c"), { recursive: true });
    return node;
  }
  path(attempt = 0): string {
    return join(this.logs, LOG_OF_RUN(attempt));
  }
  writer(attempt = 0): LogWriter {
    const writer = new LogWriter(this.path(attempt));
    this.#writers.push(writer);
    return writer;
  }
  /** By the agent's own rotation, each in a second of its own. */
  async rotate(writer: LogWriter, reopen: () => void | Promise<void>, maxFiles = 5): Promise<void> {
    const nowMs = Date.UTC(2026, 10, 21) + this.#rotations++ * 1000;
    await rotateLog(writer.path, { maxBytes: 0, maxFiles, nowMs }, async () => reopen());
    await mkdir(dirname(writer.path), { recursive: true });
  }
  /** Files of this node's folders that this process has open. */
  openFiles(): readonly string[] {
    return readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        const path = readlinkSync(`/proc/self/fd/${fd}`);
        return path.startsWith(this.logs) ? [path] : [];
      } catch {
        return []; // the one that lists them
      }
    });
  }
  stopRun(): void {
    this.runs = this.runs.map((run) => ({ ...run, isRunning: false }));
  }
  deps(options: OpenLogDeps["options"] = {}): OpenLogDeps {
    const log = { warn: (_: object, text: string) => void this.warnings.push(text) };
    return {
      lookup: {
        runs: () => Promise.resolve(this.runs as [ContainerRun]),
        isRunning: (id: string) => Promise.resolve(this.runs.some((run) => run.id === id && run.isRunning)),
      },
      podLogsDir: this.logs,
      clock: systemClock,
      log: log as unknown as AgentLog,
      options: { pollMs: 50, settleMs: 20, appearPollMs: 10, appearMs: 5000, ...options },
      counters: { malformed: () => this.malformed++, gap: () => this.gaps++ },
    };
  }
  async open(
    options: LogOptions = {},
    more: { deps?: OpenLogDeps; signal?: AbortSignal; request?: Partial<LogsRequest> } = {},
  ): Promise<Readable> {
    const request: LogsRequest = {
      verb: "logs",
      namespace: "default",
      pod: "p",
      uid: "u",
      container: "c",
      options,
      ...more.request,
    };
    const stream = await openLog(
      more.deps ?? this.deps(),
      request,
      more.signal ?? new AbortController().signal,
    );
    this.#streams.push(stream);
    return stream;
  }
  async read(options: LogOptions = {}, deps = this.deps()): Promise<string> {
    return textOf(await this.open(options, { deps }));
  }
  async remove(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    for (const writer of this.#writers) writer.close();
    await rm(this.root, { recursive: true, force: true });
  }
}

export async function textOf(stream: Readable): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** Collects what a follower gets, and says when something is there. */
export class Follower {
  readonly stream: Readable;
  text = "";
  #waiting: (() => void)[] = [];
  readonly ended: Promise<void>;

  constructor(stream: Readable) {
    this.stream = stream;
    stream.on("data", (piece: Buffer) => {
      this.text += piece.toString();
      for (const look of this.#waiting) look();
    });
    this.ended = new Promise((resolve, reject) => stream.once("end", resolve).once("error", reject));
    this.ended.catch(() => undefined);
  }
  /** Until this text was printed. */
  async has(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.text.includes(text)) resolve();
      };
      this.#waiting.push(look);
      look();
    });
    this.#waiting = [];
  }
}
