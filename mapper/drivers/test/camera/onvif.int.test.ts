// SPDX-License-Identifier: Apache-2.0
// The ONVIF library against a stand-in for a camera; the pictures are those of a real RTSP server.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { driverOf, type ConfigData, type DeviceHandle } from "@longshore/mapper";
import { cameraMapper, type CameraOptions } from "../../src/camera/index.ts";
import { aDevice, aProperty, aStream, calling, streaming } from "./support/devices.ts";
import { startOnvifStub, type OnvifStub } from "./support/onvif-camera.ts";
import { startRtspCamera } from "./support/rtsp-camera.ts";

const LOGIN = { userName: "admin", password: "s3cret" };
let root = "";
let stub: OnvifStub;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "longshore-onvif-"));
  writeFileSync(join(root, "password"), LOGIN.password);
  writeFileSync(join(root, "wrong"), "no-secret");
  stub = await startOnvifStub(LOGIN);
});
afterAll(async () => {
  await stub.stop();
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  Object.assign(stub, { garbage: undefined, unfinished: undefined });
  stub.others.clear();
  stub.streamUri = "rtsp://10.0.0.9:554/main";
  stub.calls.length = 0;
});

function open(config: ConfigData = {}, options: Partial<CameraOptions> = {}): Promise<DeviceHandle> {
  const driver = driverOf(
    cameraMapper({
      outputFolders: [join(root, "case")],
      secretFolders: [root],
      askTimeoutMs: 1_000,
      ...options,
    }),
  );
  const address = { url: `127.0.0.1:${stub.port}`, userName: "admin", password: join(root, "password") };
  return Promise.resolve(driver.open(aDevice({ ...address, ...config }), calling()));
}
const item = (name: string) => aProperty(name);

describe("a camera that is reached by ONVIF", () => {
  it("tells what it is, and its stream at the host that the Device names", async () => {
    const handle = await open();
    expect(await handle.read(item("manufacturer"), calling())).toBe("Acme");
    expect(await handle.read(item("model"), calling())).toBe("C-1");
    expect(await handle.read(item("getURI"), calling())).toBe("rtsp://127.0.0.1:554/main");
    expect(await handle.state?.(calling())).toBe("online");
    await handle.close?.(calling());
  });

  it("saves pictures of the stream that it names", async () => {
    const camera = await startRtspCamera(LOGIN);
    stub.streamUri = camera.url;
    const handle = await open();
    await handle.stream?.(
      aStream("saveFrame", { outputDir: join(root, "case"), frameCount: 3 }),
      streaming(),
    );
    expect(readdirSync(join(root, "case"))).toHaveLength(3);
    await handle.close?.(calling());
    await camera.stop();
  });

  it.each(["sub-token", "sub"])("takes the profile %s", async (profile) => {
    const handle = await open({ profile });
    expect(await handle.read(item("uri"), calling())).toMatch(/^rtsp:/);
  });

  it.each([
    { when: "the password is wrong", config: { password: "wrong" }, why: /NotAuthorized/ },
    { when: "there is no such profile", config: { profile: "third" }, why: /no media profile third/ },
  ])("refuses when $when", async ({ config, why }) => {
    const given = "password" in config ? { password: join(root, "wrong") } : config;
    const asked = open(given).then((handle) => handle.read(item("uri"), calling()));
    await expect(asked).rejects.toMatchObject({ code: "REFUSED", message: expect.stringMatching(why) });
    await expect(asked).rejects.not.toThrow(/no-secret/);
  });

  it.each([
    { what: "nothing", garbage: "" },
    { what: "HTML", garbage: "<html><body>hello" },
    { what: "an empty body", garbage: '<s:Envelope xmlns:s="x"><s:Body></s:Body></s:Envelope>' },
    { what: "another answer", garbage: "<Envelope><Body><GetProfilesResponse/></Body></Envelope>" },
    { what: "more than is allowed", garbage: `<Envelope><Body>${"x".repeat(600_000)}</Body></Envelope>` },
  ])("is not opened when it answers $what", async ({ garbage }) => {
    stub.garbage = garbage;
    await expect(open()).rejects.toMatchObject({ name: "CameraError" });
  });

  it.each(["http://10.0.0.9/main", "file:///etc/passwd", "", "rtsp"])(
    "takes no stream at %p",
    async (uri) => {
      stub.streamUri = uri;
      const handle = await open();
      await expect(handle.read(item("uri"), calling())).rejects.toMatchObject({ code: "REFUSED" });
    },
  );

  // A profile of a camera that encodes nothing itself, or only sound.
  it("is opened though a profile has no encoder of video", async () => {
    stub.others.set(
      "GetProfiles",
      '<GetProfilesResponse><Profiles token="bare"><Name>bare</Name><VideoSourceConfiguration token="v"><SourceToken>source</SourceToken></VideoSourceConfiguration></Profiles></GetProfilesResponse>',
    );
    const handle = await open();
    expect(await handle.read(item("uri"), calling())).toBe("rtsp://127.0.0.1:554/main");
  });

  it.each(["hangs up", "trickles"] as const)(
    "gives up in time a camera that %s within its answer",
    async (how) => {
      const handle = await open();
      stub.unfinished = how;
      const options = { askTimeoutMs: 300 };
      await expect(open({}, options)).rejects.toMatchObject({ code: "UNREACHABLE" });
      const stop = new AbortController();
      const state = Promise.resolve(handle.state?.(calling(stop.signal)));
      setTimeout(() => stop.abort(), 50);
      await expect(state).rejects.toMatchObject({ code: "UNREACHABLE" });
    },
  );

  it("is not opened when nobody answers in time", async () => {
    await expect(open({ url: "127.0.0.1:1" })).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});
