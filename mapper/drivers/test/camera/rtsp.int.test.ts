// SPDX-License-Identifier: Apache-2.0
// A real RTSP camera (GStreamer's server) and a real ffmpeg.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { driverOf, type DeviceHandle } from "@longshore/mapper";
import { cameraMapper } from "../../src/camera/index.ts";
import { aDevice, aProperty, aStream, calling, streaming } from "./support/devices.ts";
import { startRtspCamera, type RtspCamera } from "./support/rtsp-camera.ts";

const LOGIN = { userName: "admin", password: "p@ss 'wörd" };
let root = "";
let camera: RtspCamera;
let handle: DeviceHandle | undefined;

beforeAll(async () => {
  camera = await startRtspCamera(LOGIN);
});
afterAll(async () => {
  await camera.stop();
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "longshore-camera-"));
  writeFileSync(join(root, "password"), `${LOGIN.password}\n`, { mode: 0o600 });
});
afterEach(async () => {
  await handle?.close?.(calling());
  handle = undefined;
  rmSync(root, { recursive: true });
});

/** What a busy machine may take between two pictures. */
const PATIENT_MS = 30_000;
const driver = (waitMs: number) =>
  driverOf(
    cameraMapper({
      outputFolders: [join(root, "case")],
      secretFolders: [root],
      askTimeoutMs: waitMs,
      stallMs: waitMs,
    }),
  );

async function open(url = camera.url, waitMs = PATIENT_MS): Promise<DeviceHandle> {
  const device = aDevice({ url, userName: LOGIN.userName, password: join(root, "password") });
  handle = await driver(waitMs).open(device, calling());
  return handle;
}

const saved = (): string[] => (existsSync(join(root, "case")) ? readdirSync(join(root, "case")).sort() : []);
const framesOf = (file: string): number =>
  Number(
    execFileSync("ffprobe", [
      ...["-v", "error", "-count_frames", "-select_streams", "v:0"],
      ...["-show_entries", "stream=nb_read_frames", "-of", "default=nk=1:nw=1", join(root, "case", file)],
    ]).toString(),
  );
/** Command lines of the ffmpegs that this process has started and that still run. */
const ffmpegs = (): { pid: number; command: string; state: string }[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, "utf8");
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        const isOurs = new RegExp(`^PPid:\\t${process.pid}$`, "m").test(status);
        const state = /^State:\t(\w)/m.exec(status)?.[1] ?? "";
        return isOurs && /^Name:\tffmpeg$/m.test(status) ? [{ pid: Number(name), command, state }] : [];
      } catch {
        return []; // it has ended meanwhile
      }
    });
async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("a camera behind a login", () => {
  it("A20 saves thirty pictures, as KubeEdge's sample configures them", async () => {
    const opened = await open();
    const config = {
      format: "jpg",
      outputDir: join(root, "case/"),
      frameCount: 30,
      frameInterval: 1_000_000,
      dataType: "stream",
    };
    await opened.stream?.(aStream("saveFrame", config), streaming());
    expect(saved()).toHaveLength(30);
    for (const name of saved()) {
      expect(name).toMatch(/^f\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\.jpg$/);
      expect(
        readFileSync(join(root, "case", name))
          .subarray(0, 3)
          .toString("hex"),
      ).toBe("ffd8ff");
    }
    expect(ffmpegs()).toEqual([]);
  });

  it("A20 saves two videos that play", async () => {
    const opened = await open();
    const config = { format: "mp4", outputDir: join(root, "case"), frameCount: 60, videoNum: 2 };
    await opened.stream?.(aStream("saveVideo", config), streaming());
    expect(saved()).toHaveLength(2);
    expect(saved().map(framesOf)).toEqual([60, 60]);
  });

  it("leaves the time that is configured between two pictures", async () => {
    const opened = await open();
    const config = { outputDir: join(root, "case"), frameCount: 4, frameInterval: 500_000_000 };
    const startMs = Date.now();
    await opened.stream?.(aStream("saveFrame", config), streaming());
    expect(saved()).toHaveLength(4);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(1_500);
  });

  it("tells no user of the machine the password", async () => {
    const opened = await open();
    const stop = new AbortController();
    const config = { outputDir: join(root, "case"), frameCount: 100_000 };
    const running = opened.stream?.(aStream("saveFrame", config), streaming(stop.signal));
    await eventually(() => (saved().some((name) => name.endsWith(".jpg")) ? true : undefined));
    const [seen] = ffmpegs();
    expect(seen?.command).toContain("-i pipe:0");
    expect(seen?.command).not.toMatch(/p@ss|p%40ss|admin/);
    stop.abort();
    await expect(running).rejects.toThrow(/abort/);
  });

  it("ends ffmpeg at an abort, keeps whole pictures and nothing else", async () => {
    const opened = await open();
    const stop = new AbortController();
    const config = { outputDir: join(root, "case"), frameCount: 100_000 };
    const running = opened.stream?.(aStream("saveFrame", config), streaming(stop.signal));
    await eventually(() => (saved().filter((name) => name.endsWith(".jpg")).length > 3 ? true : undefined));
    stop.abort();
    await expect(running).rejects.toThrow(/abort/);
    expect(ffmpegs()).toEqual([]);
    for (const name of saved()) {
      expect(
        readFileSync(join(root, "case", name))
          .subarray(-2)
          .toString("hex"),
      ).toBe("ffd9");
    }
  });

  it("goes on from where it was when ffmpeg was killed", async () => {
    const opened = await open();
    const property = aStream("saveFrame", {
      ...{ outputDir: join(root, "case"), frameCount: 12, frameInterval: 200_000_000 },
    });
    const running = opened.stream?.(property, streaming());
    await eventually(() => (saved().filter((name) => name.endsWith(".jpg")).length > 2 ? true : undefined));
    process.kill(ffmpegs()[0]?.pid ?? 0, "SIGKILL");
    await expect(running).rejects.toThrow("killed by SIGKILL");
    expect(await opened.read(aProperty("captureState"), calling())).toBe("failed");
    await opened.stream?.(property, streaming());
    expect(saved()).toHaveLength(12);
    expect(await opened.read(aProperty("captureState"), calling())).toBe("done");
    expect(await opened.read(aProperty("capturedFiles"), calling())).toBe(12);
  });

  it("fails a video whose camera goes away, keeps no half of it, and saves it when the camera is back", async () => {
    const other = await startRtspCamera(LOGIN);
    const opened = await open(other.url);
    const property = aStream("saveVideo", { outputDir: join(root, "case"), frameCount: 90, videoNum: 1 });
    const running = opened.stream?.(property, streaming());
    await eventually(() => (ffmpegs().length > 0 ? true : undefined));
    await other.stop();
    await expect(running).rejects.toMatchObject({ name: "CameraError" });
    expect(saved()).toEqual([]);
    await expect(opened.state?.(calling())).rejects.toThrow("does not answer");
    const back = await startRtspCamera(LOGIN, other.port);
    expect(await opened.state?.(calling())).toBe("online");
    await opened.stream?.(property, streaming());
    expect(saved().map(framesOf)).toEqual([90]);
    await back.stop();
  });

  it("gives up a camera that is there and sends nothing more", async () => {
    const other = await startRtspCamera(LOGIN);
    const opened = await open(other.url, 5_000);
    const property = aStream("saveFrame", { outputDir: join(root, "case"), frameCount: 100_000 });
    const running = opened.stream?.(property, streaming());
    await eventually(() => (saved().filter((name) => name.endsWith(".jpg")).length > 3 ? true : undefined));
    other.freeze();
    await expect(running).rejects.toMatchObject({ name: "CameraError" });
    await expect(opened.state?.(calling())).rejects.toMatchObject({ code: "UNREACHABLE" });
    await other.stop();
  });

  it("says that the login is refused, and not which", async () => {
    writeFileSync(join(root, "password"), "wrong-secret");
    const opened = await open();
    const running = opened.stream?.(aStream("saveFrame", { outputDir: join(root, "case") }), streaming());
    await expect(running).rejects.toMatchObject({ code: "REFUSED" });
    const told = await opened.read(aProperty("captureError"), calling());
    expect(told).toMatch(/401 Unauthorized/);
    expect(told).not.toMatch(/wrong-secret|admin/);
  });

  it("does not open a camera that is not there", async () => {
    await expect(open("rtsp://127.0.0.1:1/camera")).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});
