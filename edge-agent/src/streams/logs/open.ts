// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import type { Readable } from "node:stream";
import { StreamError, type LogsRequest } from "@longshore/crds/stream";
import { isPathElement, logDir, logPath } from "../../pods/identity/index.ts";
import type { ContainerRun, PodLookup } from "../port.ts";
import { readOptions } from "./options.ts";
import { LOG_READ_OPTIONS, LogReader, type LogReadOptions, type LogReaderDeps } from "./reader.ts";
import { chooseRun } from "./run.ts";
import { cancelled, endWith, streamOf } from "./stream.ts";

export interface OpenLogDeps extends Omit<LogReaderDeps, "lookup" | "options"> {
  readonly lookup: Pick<PodLookup, "runs" | "isRunning">;
  readonly options?: Partial<LogReadOptions>;
}

/** Where the log of a run is, in the folder of all logs. @throws {StreamError} BAD_REQUEST */
function pathOf(request: LogsRequest, run: ContainerRun): string {
  const pod = { namespace: request.namespace, name: request.pod, uid: run.podUid };
  for (const name of [pod.namespace, pod.name, pod.uid, request.container]) {
    if (!isPathElement(name)) throw new StreamError("BAD_REQUEST", `"${name.slice(0, 80)}" is no valid name`);
  }
  return join(logDir({ rootDir: "", podLogsDir: "" }, pod), logPath(request.container, run.attempt));
}

/**
 * The log of a container, as a kubelet prints it.
 *
 * @param signal gives up; the stream then ends with CANCELLED
 * @returns ends when all was read; with `follow`, when the run is over too. Destroyed with a StreamError when the log
 *   cannot be read on
 * @throws {StreamError} NOT_FOUND no such pod or container · BAD_REQUEST no such run, or options out of range ·
 *   FORBIDDEN the log is a link or leaves the folder of logs (B149) · CANCELLED
 */
export async function openLog(
  deps: OpenLogDeps,
  request: LogsRequest,
  signal: AbortSignal,
): Promise<Readable> {
  const wants = readOptions(request.options, deps.clock.nowMs());
  const { namespace, pod, uid, container } = request;
  const runs = await deps.lookup.runs({ namespace, pod, uid, container });
  const run = chooseRun(runs, { pod, container, previous: request.options.previous === true });
  const options = { ...LOG_READ_OPTIONS, ...deps.options };
  const reader = new LogReader({ ...deps, options }, run, pathOf(request, run), wants);
  const giveUp = (): void => reader.stop();
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    await reader.open();
    if (signal.aborted) throw cancelled();
  } catch (error) {
    await reader.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  return endWith(streamOf(reader, { highWaterMark: options.blockBytes }), signal);
}
