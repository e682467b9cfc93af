// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Device, DeviceModel } from "@longshore/crds/dmi";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMapperClient, mapperAddress } from "../../src/dmi/index.ts";
import type { MapperClient } from "../../src/dmi/port.ts";
import { FakeMapper } from "../devices/support/fake-mapper.ts";
import { thrown } from "../tunnel/fakes.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const device = Device.create({ name: "d1", namespace: "default", spec: { deviceModelReference: "m" } });
const model = DeviceModel.create({ name: "m", namespace: "default" });

let dir: string;
let mapper: FakeMapper;
let client: MapperClient;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "dmi-"));
  mapper = new FakeMapper(join(dir, "m.sock"));
  client = createMapperClient(mapper.socketPath, { timeoutMs: 300, connectTimeoutMs: 1_000 });
});

afterEach(() => {
  client.close();
  mapper.die();
});

describe("mapperAddress", () => {
  it.each([
    ["/etc/kubeedge/th.sock", "/etc/kubeedge/th.sock"],
    ["unix:///etc/kubeedge/th.sock", "/etc/kubeedge/th.sock"],
    ["unix:/etc/kubeedge/th.sock", "/etc/kubeedge/th.sock"],
  ])("takes %s", (text, path) => {
    expect(mapperAddress(bytes(text))).toBe(path);
  });

  it.each([
    "",
    "th.sock",
    "unix://host/th.sock",
    "tcp://127.0.0.1:80",
    "dns:///evil.example",
    "/etc/kubeedge/../shadow",
    "/etc/./th.sock",
    "/etc//th.sock",
    "/run/",
    "/run/a b.sock",
    "/run/\0.sock",
    "/run/\u00e4.sock",
    `/${"x".repeat(107)}`,
    "/etc/passwd",
    "/etc",
    "/etc/passwd/th.sock",
  ])("B125 refuses %j", (text) => {
    expect(thrown(() => mapperAddress(bytes(text)))).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "address",
    });
  });

  it("B125 refuses what is outside the folder for sockets, and what a linked folder leads out to", () => {
    const folder = mkdtempSync(join(tmpdir(), "dmi-"));
    const outside = mkdtempSync(join(tmpdir(), "dmi-"));
    symlinkSync(outside, join(folder, "out"));
    mkdirSync(join(folder, "in"));
    const answer = (path: string): string => {
      try {
        return mapperAddress(Buffer.from(path), folder);
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const [good, deeper] = [join(folder, "m.sock"), join(folder, "in", "m.sock")];
    const bad = [join(outside, "m.sock"), join(folder, "out", "m.sock"), `${folder}x/m.sock`, "/m.sock"];
    expect([good, deeper].map(answer)).toEqual([good, deeper]);
    expect(bad.map(answer)).toEqual(bad.map(() => "INVALID_ARGUMENT"));
  });

  it("B125 refuses a symbolic link, wherever it leads", () => {
    const link = join(dir, "link.sock");
    symlinkSync("/nowhere", link);
    expect(thrown(() => mapperAddress(bytes(link)))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is invalid when it is not UTF-8", () => {
    expect(thrown(() => mapperAddress(Buffer.from([0x2f, 0xff, 0xfe])))).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});

describe("the client of a mapper", () => {
  it("makes every call", async () => {
    await mapper.listen();
    await client.ready();
    await client.createDeviceModel(model);
    await client.registerDevice(device);
    await client.updateDeviceModel(model);
    await client.updateDevice(device);
    expect(await client.getDevice("default", "d1")).toMatchObject({ name: "d1" });
    await client.removeDevice("default", "d1");
    await client.removeDeviceModel("default", "m");
    expect(mapper.calls).toHaveLength(7);
  });

  it("tells a mapper's refusals apart, by code or by the words of KubeEdge's framework", async () => {
    await mapper.listen();
    await expect(client.removeDevice("default", "d1")).rejects.toMatchObject({ code: "ABSENT" });
    await expect(client.updateDeviceModel(model)).rejects.toMatchObject({ code: "ABSENT" });
    mapper.before = () => {
      throw new Error("device d1 already exists");
    };
    await expect(client.registerDevice(device)).rejects.toMatchObject({ code: "EXISTS" });
    mapper.before = () => {
      throw new Error("the bus is on fire");
    };
    await expect(client.registerDevice(device)).rejects.toMatchObject({
      code: "REFUSED",
      message: "RegisterDevice: the bus is on fire",
    });
  });

  it("gives up on a mapper that does not answer", async () => {
    await mapper.listen();
    mapper.before = () => new Promise(() => undefined);
    await expect(client.registerDevice(device)).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  it("is not ready while nobody listens, and is as soon as somebody does", async () => {
    await expect(client.ready()).rejects.toMatchObject({ code: "UNREACHABLE" });
    await mapper.listen();
    await client.ready();
    mapper.die();
    await expect(client.createDeviceModel(model)).rejects.toMatchObject({ code: "UNREACHABLE" });
    await mapper.listen();
    await client.ready();
    await client.createDeviceModel(model);
  });

  it("is not ready towards a process that does not speak HTTP/2", async () => {
    const accepted: Socket[] = [];
    const mute = createServer((socket) => accepted.push(socket)).listen(mapper.socketPath);
    await new Promise((resolve) => mute.once("listening", resolve));
    await expect(client.ready()).rejects.toMatchObject({ code: "UNREACHABLE" });
    for (const socket of accepted) socket.destroy();
    mute.close();
  });

  it("does not dial a file or link that took the socket's place", async () => {
    writeFileSync(mapper.socketPath, "");
    await expect(client.ready()).rejects.toMatchObject({ code: "ADDRESS" });
    rmSync(mapper.socketPath);
    symlinkSync("/run/other.sock", mapper.socketPath);
    await expect(client.registerDevice(device)).rejects.toMatchObject({ code: "ADDRESS" });
  });
});
