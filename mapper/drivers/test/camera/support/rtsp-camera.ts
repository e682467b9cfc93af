// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A camera of GStreamer, on a port of its own. */
export interface RtspCamera {
  readonly port: number;
  readonly url: string;
  /** Says nothing more, and keeps its connections. */
  freeze(): void;
  /** Ends as a camera does that loses its power. */
  stop(): Promise<void>;
}

const SERVER = fileURLToPath(new URL("rtsp-server.py", import.meta.url));
/** Debian's, which has Debian's bindings of GStreamer. */
const PYTHON = "/usr/bin/python3";

export async function startRtspCamera(
  login: { userName: string; password: string } | undefined,
  port = 0,
): Promise<RtspCamera> {
  const args = [SERVER, String(port), login?.userName ?? "", login?.password ?? ""];
  const child = spawn(PYTHON, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ready = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    void ended.then(() => reject(new Error("the RTSP server of the tests does not start")));
  });
  const bound = Number(ready.replace("ready ", ""));
  return {
    port: bound,
    url: `rtsp://127.0.0.1:${bound}/camera`,
    freeze: () => void child.kill("SIGSTOP"),
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
