// SPDX-License-Identifier: Apache-2.0
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { framesCall, videoCall, type Input } from "./arguments.ts";
import { CameraError } from "./errors.ts";
import type { Ffmpeg } from "./ffmpeg.ts";
import type { OutputFolder, Outputs } from "./folder.ts";
import type { FramesPlan, StreamPlan, VideoPlan } from "./stream.ts";

/** How far a stream has come; a start after a failure goes on from there. */
export interface Progress {
  files: number;
}

export interface CaptureDeps {
  readonly ffmpeg: Ffmpeg;
  readonly outputs: Outputs;
  /** Pictures are looked for this often while ffmpeg runs. */
  readonly lookMs: number;
}

/**
 * Saves what a plan wants and `progress` does not have yet. What is finished has its name and stays, whatever happens
 * then; what is not is removed.
 *
 * @throws {CameraError}
 */
export async function capture(
  deps: CaptureDeps,
  plan: StreamPlan,
  work: { readonly input: Input; readonly progress: Progress },
  signal: AbortSignal,
): Promise<void> {
  const folder = await deps.outputs.open(plan.outputDir);
  const scratch = await folder.scratch();
  const place = { folder, path: scratch.path, ...work };
  try {
    await folder.budget.measure();
    await (plan.kind === "frames"
      ? saveFrames(deps, plan, place, signal)
      : saveVideos(deps, plan, place, signal));
  } finally {
    await scratch.discard();
  }
}

interface Place {
  readonly folder: OutputFolder;
  readonly path: string;
  readonly input: Input;
  readonly progress: Progress;
}

async function saveFrames(
  deps: CaptureDeps,
  plan: FramesPlan,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const wanted = plan.frameCount - place.progress.files;
  if (wanted <= 0) return;
  const stop = new AbortController();
  const looking = lookEvery(deps.lookMs, () => publishFrames(plan, place), stop);
  try {
    const call = framesCall(place.input, plan, wanted, place.path);
    await deps.ffmpeg(call, AbortSignal.any([signal, stop.signal]));
  } finally {
    await looking.end();
  }
  if (place.progress.files < plan.frameCount)
    throw endedEarly(place.progress.files, plan.frameCount, "pictures");
}

/** Runs `look` again and again, one at a time, and once at the end; a failure of it aborts `stop`. */
function lookEvery(
  everyMs: number,
  look: () => Promise<void>,
  stop: AbortController,
): { end(): Promise<void> } {
  let running = Promise.resolve();
  let isRunning = false;
  const timer = setInterval(() => {
    if (isRunning || stop.signal.aborted) return;
    isRunning = true;
    running = look()
      .catch((error: unknown) => stop.abort(error))
      .finally(() => {
        isRunning = false;
      });
  }, everyMs);
  return {
    end: async () => {
      clearInterval(timer);
      await running;
      if (!stop.signal.aborted) await look();
    },
  };
}

async function publishFrames(plan: FramesPlan, { folder, path, progress }: Place): Promise<void> {
  const names = (await readdir(path)).filter((name) => name.endsWith(`.${plan.format}`)).sort();
  for (const name of names) {
    if (await folder.publish(join(path, name), plan.format)) progress.files++;
  }
}

async function saveVideos(
  deps: CaptureDeps,
  plan: VideoPlan,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const { folder, path, input, progress } = place;
  while (progress.files < plan.videoNum) {
    const file = join(path, `video.${plan.format}`);
    const freeBytes = folder.budget.freeBytes();
    if (freeBytes === 0) throw folder.budget.full();
    const frames = await deps.ffmpeg(videoCall(input, plan, freeBytes, file), signal);
    if (frames < plan.frameCount) {
      const isFull = (await sizeOf(file)) >= freeBytes;
      throw isFull ? folder.budget.full() : endedEarly(frames, plan.frameCount, "frames");
    }
    await folder.publish(file, plan.format);
    progress.files++;
  }
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;

const endedEarly = (have: number, want: number, what: string): CameraError =>
  new CameraError("STREAM_ENDED", `the stream ended after ${have} of ${want} ${what}`);
