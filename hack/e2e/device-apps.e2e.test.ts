// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { startRtspCamera, type RtspCamera } from "../../mapper/drivers/test/camera/support/rtsp-camera.ts";
import { aClient, startBroker } from "../../mapper/drivers/test/support/mosquitto.ts";
import { freePort } from "../free-port.ts";
import { buildPrograms } from "../build.ts";
import { startMapperProgram } from "../cluster/mapper.ts";
import { stopProcess } from "../cluster/processes.ts";
import { at, instance, model, type InstanceWish } from "./device-manifests.ts";
import { viewDevices, type DeviceView } from "./device-view.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";

jest.setTimeout(180_000);
const START_MS = 60_000;
const WINDOW_MS = 10_000;
const REPORT_CYCLE_MS = 2_000;
/** What an idle session says in ten seconds, with room: a keepalive and the node's status. */
const QUIET_BYTES = 4_096;
const FRAMES = 30;
const VIDEO_FRAMES = 100;
const STREAMS_MS = 60_000;
/** Twins and states of a few devices; one picture is more. */
const NO_VIDEO_BYTES = 32_768;

const run = promisify(execFile);

/** A server that counts what is posted to it. */
async function startPostBox(): Promise<{ port: number; bodies: string[]; server: Server }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, bodies, server };
}

describe("what mappers do beside the cloud", () => {
  let env: Environment;
  let ns: string;
  let seen: DeviceView;
  let httpPort: number;
  let dir: string;
  let camera: RtspCamera;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("apps");
    seen = viewDevices(env, ns);
    dir = mkdtempSync(join(tmpdir(), "longshore-cameras-"));
    camera = await startRtspCamera(undefined);
    httpPort = await freePort();
    await buildPrograms(["virtual-mapper", "camera-mapper"]);
    await startMapperProgram(env.layout, {
      ...{ name: "mapper-apps", program: "virtual-mapper", args: [`--http=127.0.0.1:${httpPort}`] },
      env: { VIRTUAL_PROTOCOL: "desk" },
    });
  }, 600_000);
  afterAll(async () => {
    for (const name of ["mapper-apps", "mapper-camera"])
      await stopProcess(env.layout, name, { forget: true });
    await camera.stop();
    rmSync(dir, { recursive: true, force: true });
    await cleanEnvironment();
  }, 120_000);

  const put = (wish: Omit<InstanceWish, "namespace" | "node">): Promise<unknown> =>
    env.kubectl.apply(instance({ namespace: ns, node: env.node, ...wish }));
  const online = (name: string): Promise<void> =>
    eventually(async () => expect((await seen.status(name))?.state).toBe("online"), { timeoutMs: START_MS });

  it("A18 pushes to MQTT and HTTP at the report cycle, and nothing of it crosses the cloud link", async () => {
    const broker = await startBroker(dir, ["allow_anonymous true"]);
    const box = await startPostBox();
    const messages: string[] = [];
    const client = await aClient(broker.port);
    client.on("message", (_topic, payload) => messages.push(payload.toString()));
    await client.subscribeAsync("temp", { qos: 1 });
    try {
      await env.kubectl.apply(model({ namespace: ns, name: "pusher", properties: { a: {}, b: {} } }));
      const quiet = { reportCycle: REPORT_CYCLE_MS, reportToCloud: false };
      await put({
        ...{ name: "pushes", model: "pusher", protocol: "desk", reportsState: false },
        properties: {
          a: {
            ...quiet,
            ...at("desk", { Behavior: "counter" }),
            pushMethod: {
              mqtt: { address: `tcp://127.0.0.1:${broker.port}`, topic: "temp", qos: 0, retained: false },
            },
          },
          b: {
            ...quiet,
            ...at("desk", { Behavior: "counter" }),
            pushMethod: {
              http: { hostName: "http://127.0.0.1", port: box.port, requestPath: "/in", timeout: 1000 },
            },
          },
        },
      });
      await eventually(() => expect([messages.length, box.bodies.length].every((n) => n >= 2)).toBe(true), {
        timeoutMs: START_MS,
      });
      const before = { messages: messages.length, posts: box.bodies.length, up: (await env.link.bytes()).up };
      const startMs = performance.now();
      await sleep(WINDOW_MS);
      const counts = [messages.length - before.messages, box.bodies.length - before.posts];
      const windows = (performance.now() - startMs) / WINDOW_MS; // more than one on a busy machine
      const up = (await env.link.bytes()).up - before.up;
      for (const count of counts)
        expect(Math.abs(count - (windows * WINDOW_MS) / REPORT_CYCLE_MS)).toBeLessThanOrEqual(2);
      expect(up).toBeLessThan(QUIET_BYTES * windows);
    } finally {
      await client.endAsync(true);
      box.server.close();
      await broker.kill();
    }
  });

  it("A19 lists a device's methods over HTTP and calls them", async () => {
    await env.kubectl.apply(
      model({ namespace: ns, name: "callee", properties: { temperature: { maximum: "100" }, other: {} } }),
    );
    await put({
      ...{ name: "called", model: "callee", protocol: "desk" },
      methods: [{ name: "setValue", description: "sets it", propertyNames: ["temperature"] }],
      properties: { temperature: {}, other: {} },
    });
    await online("called");
    const ask = async (path: string): Promise<{ status: number; body: unknown }> => {
      const answer = await fetch(`http://127.0.0.1:${httpPort}/api/v1/${path}`);
      return { status: answer.status, body: await answer.json() };
    };
    expect(await ask(`devicemethod/${ns}/called`)).toMatchObject({
      status: 200,
      body: {
        Data: {
          Methods: [
            {
              Name: "setValue",
              Path: `/api/v1/devicemethod/${ns}/called/setValue/{propertyName}/{data}`,
              Parameters: [{ PropertyName: "temperature", ValueType: "INT" }],
            },
          ],
        },
      },
    });
    expect((await ask(`devicemethod/${ns}/called/setValue/temperature/30`)).status).toBe(200);
    expect(await ask(`device/${ns}/called/temperature`)).toMatchObject({ body: { Data: { Value: "30" } } });
    await eventually(async () => expect(await seen.values("called")).toMatchObject({ temperature: "30" }), {
      timeoutMs: START_MS,
    });
    expect((await ask(`devicemethod/${ns}/called/setValue/other/30`)).status).toBe(400);
    expect((await ask(`devicemethod/${ns}/called/setValue/temperature/101`)).status).toBe(400);
    expect((await ask(`devicemethod/${ns}/called/nothing/temperature/30`)).status).toBe(404);
  });

  it("A20 saves pictures and video of a camera, none of which crosses the cloud link", async () => {
    const out = join(dir, "out");
    await startMapperProgram(env.layout, {
      ...{ name: "mapper-camera", program: "camera-mapper", args: ["--http="] },
      env: { CAMERA_OUTPUT_FOLDERS: out },
    });
    await env.kubectl.apply(
      model({
        ...{ namespace: ns, name: "camera", protocol: "onvif" },
        properties: {
          saveFrame: { type: "STREAM", accessMode: "ReadOnly" },
          saveVideo: { type: "STREAM", accessMode: "ReadOnly" },
        },
      }),
    );
    const before = (await env.link.bytes()).up;
    await put({
      ...{ name: "camera", model: "camera", protocol: "onvif", configData: { url: camera.url } },
      properties: {
        saveFrame: at("onvif", {
          ...{ format: "jpg", outputDir: join(out, "frames"), frameCount: FRAMES },
          ...{ frameInterval: 1_000_000, dataType: "stream" },
        }),
        saveVideo: at("onvif", {
          ...{ format: "mp4", outputDir: join(out, "videos"), frameCount: VIDEO_FRAMES, videoNum: 2 },
          dataType: "stream",
        }),
      },
    });
    const saved = (folder: string): string[] =>
      existsSync(join(out, folder)) ? readdirSync(join(out, folder)).sort() : [];
    await eventually(
      () => {
        expect(saved("frames").filter((name) => name.endsWith(".jpg"))).toHaveLength(FRAMES);
        expect(saved("videos").filter((name) => name.endsWith(".mp4"))).toHaveLength(2);
      },
      { timeoutMs: STREAMS_MS },
    );
    for (const name of saved("videos")) {
      const path = join(out, "videos", name);
      const { stdout } = await run("ffprobe", [
        ...["-loglevel", "error", "-count_frames", "-select_streams", "v:0"],
        ...["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path],
      ]);
      expect(Number.parseInt(stdout, 10)).toBe(VIDEO_FRAMES);
    }
    const pictures = saved("frames").map((name) => statSync(join(out, "frames", name)).size);
    expect(pictures.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(NO_VIDEO_BYTES);
    expect((await env.link.bytes()).up - before).toBeLessThan(NO_VIDEO_BYTES);
  });
});
