// SPDX-License-Identifier: Apache-2.0
import type {
  Device,
  DeviceState,
  MapperDefinition,
  Property,
  StreamContext,
  StreamProperty,
  Value,
} from "@longshore/mapper";
import { openCamera, type Camera } from "./camera.ts";
import { capture, type CaptureDeps, type Progress } from "./capture.ts";
import { createFfmpeg } from "./ffmpeg.ts";
import { createOutputs } from "./folder.ts";
import { createGate, type Gate } from "./gate.ts";
import { itemOf } from "./item.ts";
import { DEFAULT_CAMERA_OPTIONS, type CameraOptions } from "./options.ts";
import { streamPlanOf } from "./stream.ts";

/** An open camera and what became of its streams. */
export interface OpenCamera {
  readonly camera: Camera;
  readonly streams: StreamRecords;
}

/** By name and configuration: what is configured anew begins anew. */
export type StreamRecords = Map<string, StreamRecord>;

export interface StreamRecord extends Progress {
  state: "running" | "failed" | "done";
  error: string;
}

/** The mapper for cameras that are reached by ONVIF or RTSP, or are plugged into this machine. */
export function cameraMapper(options: Partial<CameraOptions> = {}): MapperDefinition<OpenCamera> {
  const all = { ...DEFAULT_CAMERA_OPTIONS, ...options };
  const deps: CaptureDeps = {
    ffmpeg: createFfmpeg({ ...all, program: all.ffmpeg }),
    outputs: createOutputs({ roots: all.outputFolders, limits: all, nowMs: Date.now }),
    lookMs: all.lookMs,
  };
  const gate = createGate(all.maxCaptures);
  const recordsOf = createMemory();
  return {
    protocol: all.protocol,
    name: "camera-mapper",
    open: async (device, { signal }) => ({
      camera: await openCamera(device, all, signal),
      streams: recordsOf(device),
    }),
    read: readItem,
    state: async ({ camera }, { signal }): Promise<DeviceState> => {
      await camera.check(signal);
      return "online";
    },
    stream: (open, property, context) => runStream({ deps, gate }, open, property, context),
    close: ({ camera }) => camera.close(),
  };
}

/**
 * A camera that was away is opened anew, and its streams go on from where they were. Of devices that are gone, the
 * oldest are forgotten.
 */
function createMemory(): (device: Pick<Device, "id" | "config">) => StreamRecords {
  const known = new Map<string, StreamRecords>();
  return ({ id, config }) => {
    const key = JSON.stringify([id, config]);
    const records: StreamRecords = known.get(key) ?? new Map<string, StreamRecord>();
    known.delete(key);
    known.set(key, records);
    for (const oldest of known.keys()) {
      if (known.size <= MAX_REMEMBERED) break;
      known.delete(oldest);
    }
    return records;
  };
}

const MAX_REMEMBERED = 1_000;

interface Runner {
  readonly deps: CaptureDeps;
  readonly gate: Gate;
}

async function runStream(
  { deps, gate }: Runner,
  { camera, streams }: OpenCamera,
  property: StreamProperty,
  { signal, log }: StreamContext,
): Promise<void> {
  const key = JSON.stringify([property.name, property.config]);
  const record = streams.get(key) ?? { state: "running", error: "", files: 0 };
  streams.set(key, record);
  // The SDK starts a finished stream only when it is wanted once more.
  if (record.state === "done") record.files = 0;
  record.state = "running";
  try {
    const plan = streamPlanOf(property);
    await gate.through(async () => {
      const input = await camera.input(signal);
      await capture(deps, plan, { input, progress: record }, signal);
    }, signal);
    Object.assign(record, { state: "done", error: "" });
    log.info({ property: property.name, files: record.files }, "stream saved");
  } catch (error) {
    Object.assign(record, { state: "failed", error: error instanceof Error ? error.message : "unknown" });
    throw error;
  }
}

async function readItem(
  { camera, streams }: OpenCamera,
  property: Property,
  { signal }: { readonly signal: AbortSignal },
): Promise<Value> {
  const item = itemOf(property);
  const records = [...streams.values()];
  switch (item) {
    case "uri":
      return camera.address(signal);
    case "captureState":
      return captureStateOf(records);
    case "capturedFiles":
      return records.reduce((sum, { files }) => sum + files, 0);
    case "captureError":
      return records.find(({ error }) => error !== "")?.error ?? "";
    default:
      return (await camera.information(signal))[item];
  }
}

function captureStateOf(records: readonly StreamRecord[]): string {
  if (records.length === 0) return "idle";
  const states = new Set(records.map(({ state }) => state));
  return ["failed", "running"].find((state) => states.has(state as StreamRecord["state"])) ?? "done";
}
