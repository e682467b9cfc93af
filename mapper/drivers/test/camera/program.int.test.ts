// SPDX-License-Identifier: Apache-2.0
// The whole program, with an edge in the test's hand, a real RTSP camera and a real ffmpeg.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConfigData, PropertyType } from "@longshore/mapper";
import { createTestEdge, type TestEdge } from "../../../test/support/edge.ts";
import { dmiDevice, type DmiProperty } from "../support/dmi.ts";
import { run, until, type Program } from "../support/process.ts";
import { startRtspCamera, type RtspCamera } from "./support/rtsp-camera.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
/** Flags of Node that keep the program small. */
const SMALL = ["--lite-mode", "--max-semi-space-size=1", "--no-node-snapshot"];
const BUILD = 'await (await import("./hack/build.ts")).buildPrograms(["camera-mapper"]);';
const LOGIN = { userName: "admin", password: "s3cret" };
/** What pictures would be many times more than. */
const MAX_REPORTED_BYTES = 64 * 1024;

let dir = "";
let edge: TestEdge;
let camera: RtspCamera;
let program: Program | undefined;

beforeAll(async () => {
  execFileSync(process.execPath, ["--conditions=source", "--input-type=module", "-e", BUILD], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  camera = await startRtspCamera(LOGIN);
}, 60_000);
afterAll(() => camera.stop());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "camera-"));
  chmodSync(dir, 0o700);
  writeFileSync(join(dir, "password"), LOGIN.password, { mode: 0o600 });
  edge = createTestEdge(join(dir, "dmi.sock"));
});
afterEach(async () => {
  await program?.kill();
  program = undefined;
  edge.crash();
  rmSync(dir, { recursive: true, force: true });
});

const stream = (name: string, config: ConfigData): DmiProperty => ({
  name,
  type: "STREAM" as PropertyType,
  config: { outputDir: join(dir, "case"), dataType: "stream", ...config },
});

/** Starts the program for one camera; resolves when the edge knows it. */
async function start(properties: readonly DmiProperty[]): Promise<Program> {
  const config = { url: camera.url, userName: LOGIN.userName, password: join(dir, "password") };
  const { device, model } = dmiDevice("cam-1", { name: "onvif", config }, properties);
  edge.set = { devices: [device], models: [model] };
  await edge.start();
  const started = run("env", [
    ...["NODE_OPTIONS=", `CAMERA_OUTPUT_FOLDERS=${join(dir, "case")}`, `CAMERA_SECRET_FOLDERS=${dir}`],
    ...[process.execPath, ...SMALL, join(ROOT, "dist/camera-mapper.js")],
    ...["--dmi-socket", join(dir, "dmi.sock"), "--socket", join(dir, "camera.sock"), "--http", ""],
  ]);
  started.child.stdout.resume();
  program = started;
  await until(() => edge.registrations.length > 0, "the mapper registers");
  return started;
}

const saved = (): string[] =>
  existsSync(join(dir, "case")) ? readdirSync(join(dir, "case")).filter((name) => !name.startsWith(".")) : [];

/** Process ids of the program's children, dead ones that nobody waited for included. */
function childrenOf({ child }: Program): number[] {
  const pid = child.pid ?? 0;
  const listed = existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8") : "";
  return listed.split(" ").filter(Boolean).map(Number);
}

const reportedBytes = (): number =>
  JSON.stringify([edge.reports, edge.states, edge.registrations], (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  ).length;

const reported = (name: string): string | undefined =>
  edge.reports
    .flatMap(({ reportedDevice }) => reportedDevice?.twins ?? [])
    .filter(({ propertyName }) => propertyName === name)
    .at(-1)?.reported?.value;

describe("the program camera-mapper", () => {
  it("A20 saves thirty pictures and two videos, and reports nothing but twins", async () => {
    const started = await start([
      stream("saveFrame", { format: "jpg", frameCount: 30, frameInterval: 1_000_000 }),
      stream("saveVideo", { format: "mp4", frameCount: 100, videoNum: 2 }),
      { name: "captureState", type: "STRING", config: {} },
      { name: "capturedFiles", type: "INT", config: {} },
      { name: "getURI", type: "STRING", config: {} },
    ]);
    await until(() => reported("captureState") === "done", "the streams are done", 40_000);
    expect(saved().filter((name) => name.endsWith(".jpg"))).toHaveLength(30);
    expect(saved().filter((name) => name.endsWith(".mp4"))).toHaveLength(2);
    await until(() => reported("capturedFiles") === "32", "the number of files is reported");
    expect(reported("getURI")).toBe(camera.url);
    const videoBytes = saved().reduce((sum, name) => sum + readFileSync(join(dir, "case", name)).length, 0);
    expect(videoBytes).toBeGreaterThan(2 * MAX_REPORTED_BYTES);
    expect(reportedBytes()).toBeLessThan(MAX_REPORTED_BYTES);
    expect(childrenOf(started)).toEqual([]);
    const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${started.child.pid}/status`, "utf8"))?.[1];
    process.stdout.write(`camera-mapper, saved: ${((Number(rss) * 1024) / 1e6).toFixed(1)} MB\n`);
  }, 60_000);

  it("A20 starts ffmpeg again when it is killed, and saves no picture twice", async () => {
    const started = await start([stream("saveFrame", { frameCount: 15, frameInterval: 200_000_000 })]);
    await until(() => saved().length > 3, "some pictures");
    for (const pid of childrenOf(started)) process.kill(pid, "SIGKILL");
    const [first = 0] = childrenOf(started);
    await until(() => saved().length >= 15, "all pictures", 20_000);
    await until(() => childrenOf(started).length === 0, "ffmpeg has ended");
    expect(childrenOf(started)).not.toContain(first);
    expect(saved()).toHaveLength(15);
  }, 60_000);

  it("A20 leaves no ffmpeg behind when it stops", async () => {
    const started = await start([stream("saveFrame", { frameCount: 100_000 })]);
    await until(() => saved().length > 3, "some pictures");
    const children = childrenOf(started);
    expect(children).toHaveLength(1);
    const ended = new Promise((resolve) => started.child.once("exit", resolve));
    started.child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(readdirSync(join(dir, "case")).filter((name) => name.startsWith("."))).toEqual([]);
  }, 60_000);

  it("A20 leaves no ffmpeg behind when it is killed", async () => {
    const started = await start([stream("saveFrame", { frameCount: 100_000 })]);
    await until(() => saved().length > 3, "some pictures");
    const children = childrenOf(started);
    await started.kill();
    await until(() => children.every((pid) => !isAlive(pid)), "ffmpeg ends with its mapper");
    expect(children.filter(isAlive)).toEqual([]);
  }, 60_000);
});

/** A process that has ended and waits for its parent is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
