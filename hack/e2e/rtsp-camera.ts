// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CLONE } from "../cluster/layout.ts";

/** A camera that GStreamer plays, with a moving picture of 30 frames a second. */
export interface RtspCamera {
  readonly url: string;
  stop(): void;
}

const SERVER = join(CLONE, "mapper/drivers/test/camera/support/rtsp-server.py");
const START_MS = 20_000;

/** Starts one on a free port of loopback, without a login. */
export async function startRtspCamera(): Promise<RtspCamera> {
  const child = spawn("/usr/bin/python3", [SERVER, "0", "", ""], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line", {
    signal: AbortSignal.timeout(START_MS),
  })) as [string];
  return {
    url: `rtsp://127.0.0.1:${line.replace("ready ", "")}/camera`,
    stop: () => void child.kill("SIGKILL"),
  };
}
