// SPDX-License-Identifier: Apache-2.0
import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "@jest/globals";
import { DeviceManagerService, DeviceStatus, MapperRegisterResponse } from "@longshore/crds/dmi";
import fc from "fast-check";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDmiServer } from "../../src/dmi/index.ts";
import { DmiFault, type DmiHandlers, type DmiServer, type DmiServerOptions } from "../../src/dmi/port.ts";
import { mapperSide, type MapperSide } from "../devices/support/mapper-side.ts";
import { until } from "../tunnel/fakes.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const temporary = (): string => mkdtempSync(join(tmpdir(), "dmi-"));
const fine: DmiHandlers = {
  mapperRegister: () => Promise.resolve(MapperRegisterResponse.create()),
  reportDeviceStatus: () => undefined,
  reportDeviceStates: () => undefined,
};

interface Opened {
  readonly server: DmiServer;
  readonly socketPath: string;
  readonly observed: string[];
  readonly side: (authority?: string) => MapperSide;
}

async function open(
  handlers: Partial<DmiHandlers> = {},
  options: Partial<DmiServerOptions> = {},
): Promise<Opened> {
  const socketPath = options.socketPath ?? join(temporary(), "dmi.sock");
  const observed: string[] = [];
  const server = await openDmiServer(
    { ...options, socketPath },
    { ...fine, ...handlers },
    (method, code, reason) => observed.push([method, code, reason ?? ""].join(" ")),
  );
  stops.push(() => server.stop());
  const side = (authority?: string): MapperSide => {
    const made = mapperSide(socketPath, authority);
    stops.push(() => made.close());
    return made;
  };
  return { server, socketPath, observed, side };
}

const register = (side: MapperSide): Promise<MapperRegisterResponse> =>
  side.call(DeviceManagerService.mapperRegister, { withData: true });
const path = DeviceManagerService.mapperRegister.path;

describe("the socket for mappers", () => {
  it("S37 is root's in a folder of root alone, and goes when the agent stops", async () => {
    const socketPath = join(temporary(), "made", "dmi.sock");
    const { server } = await open({}, { socketPath });
    expect(lstatSync(join(socketPath, "..")).mode & 0o777).toBe(0o700);
    expect(lstatSync(socketPath).mode & 0o777).toBe(0o660);
    await server.stop();
    expect(existsSync(socketPath)).toBe(false);
  });

  it("leaves a folder that is there as it is", async () => {
    const folder = join(temporary(), "kubeedge");
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    await open({}, { socketPath: join(folder, "dmi.sock") });
    expect(lstatSync(folder).mode & 0o777).toBe(0o755);
  });

  it("takes the place of one that a killed agent left", async () => {
    const socketPath = join(temporary(), "dmi.sock");
    const dead = createServer().listen(socketPath);
    await until(() => existsSync(socketPath), "the socket");
    // Closing removes the file; renaming first leaves it, as a kill does.
    const { renameSync } = await import("node:fs");
    renameSync(socketPath, `${socketPath}.kept`);
    await new Promise((resolve) => dead.close(resolve));
    renameSync(`${socketPath}.kept`, socketPath);
    const { side } = await open({}, { socketPath });
    await expect(register(side())).resolves.toEqual({ modelList: [], deviceList: [] });
  });

  it("is not taken from a process that answers there", async () => {
    const { socketPath, side } = await open();
    await expect(openDmiServer({ socketPath }, fine, () => undefined)).rejects.toMatchObject({
      code: "IN_USE",
    });
    await expect(register(side())).resolves.toBeDefined();
  });

  it.each(["file", "link"])("does not remove a %s of that name", async (kind) => {
    const socketPath = join(temporary(), "dmi.sock");
    if (kind === "file") writeFileSync(socketPath, "precious");
    else symlinkSync("/etc/passwd", socketPath);
    await expect(openDmiServer({ socketPath }, fine, () => undefined)).rejects.toMatchObject({
      code: "NOT_A_SOCKET",
    });
    expect(existsSync(socketPath)).toBe(true);
  });

  it("says what is wrong where it cannot be made", async () => {
    const socketPath = "/proc/nowhere/dmi.sock";
    await expect(openDmiServer({ socketPath }, fine, () => undefined)).rejects.toMatchObject({ code: "IO" });
  });
});

describe("who may call", () => {
  it.each(["localhost", "%2Fetc%2Fkubeedge%2Fdmi.sock"])("an authority of %s is taken", async (authority) => {
    const { side } = await open();
    await expect(register(side(authority))).resolves.toBeDefined();
  });

  it("a raw path as authority, as grpc-go wrote it before 1.57, is taken, again and again", async () => {
    const { socketPath, observed } = await open();
    const session = connectHttp2("http://localhost", { createConnection: () => connect(socketPath) });
    stops.push(() => session.destroy());
    const call = (): Promise<unknown> => {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        ":authority": "/etc/kubeedge/dmi.sock",
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.end(Buffer.alloc(5)); // an empty message
      stream.resume();
      return new Promise((resolve) => {
        stream
          .once("error", resolve)
          .once("trailers", (trailers: IncomingHttpHeaders) => resolve(trailers["grpc-status"]));
      });
    };
    expect([await call(), await call(), await call()]).toEqual(["0", "0", "0"]);
    expect(observed).toHaveLength(3);
  });

  it("B122 the 33rd connection is refused, the first 32 go on, and a closed one makes room", async () => {
    const { socketPath, side } = await open();
    const first = side();
    await register(first);
    const sockets: Socket[] = Array.from({ length: 31 }, () => connect(socketPath));
    stops.push(() => sockets.forEach((socket) => socket.destroy()));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    const refused = connect(socketPath);
    await new Promise((resolve) => refused.on("error", () => undefined).once("close", resolve));
    await register(first);
    sockets[0]?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(register(side())).resolves.toBeDefined();
  });

  it("B122 calls beyond the limit are refused, and the others are answered", async () => {
    const releases: (() => void)[] = [];
    const mapperRegister = (): Promise<MapperRegisterResponse> =>
      new Promise((resolve) => releases.push(() => resolve(MapperRegisterResponse.create())));
    const { side, observed } = await open({ mapperRegister }, { maxCalls: 4 });
    const [one, other] = [side(), side()];
    const running = [one, one, other, other].map(register);
    await until(() => releases.length === 4, "four calls");
    await expect(register(other)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    for (const release of releases) release();
    await expect(Promise.all(running)).resolves.toHaveLength(4);
    expect(observed.filter((line) => line === "MapperRegister RESOURCE_EXHAUSTED calls")).toHaveLength(1);
  });
});

describe("what may come", () => {
  it("B121 a message of more than 4 MiB is refused, and the next is taken", async () => {
    const { side } = await open();
    const caller = side();
    const huge = Buffer.alloc(4 * 1024 * 1024 + 1);
    await expect(caller.raw(path, huge)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await expect(register(caller)).resolves.toBeDefined();
  });

  it("S17 no bytes at all make the agent fail: each is answered, and the next call too", async () => {
    const { side, observed } = await open();
    const caller = side();
    const methods = [
      path,
      "/v1beta1.DeviceManagerService/ReportDeviceStatus",
      "/v1beta1.DeviceManagerService/No",
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom(...methods),
        async (bytes, method) => {
          const code = await caller.raw(method, bytes).then(
            () => status.OK,
            (error: unknown) => (error as { code: number }).code,
          );
          expect([status.OK, status.INVALID_ARGUMENT, status.UNIMPLEMENTED]).toContain(code);
        },
      ),
      { numRuns: 300 },
    );
    await expect(register(caller)).resolves.toBeDefined();
    expect(observed.some((line) => line.includes("INTERNAL"))).toBe(false);
  });

  it("W19 a handler that throws is answered as INTERNAL without its words, and the agent goes on", async () => {
    const reportDeviceStates = (): void => {
      throw new TypeError("secret in a stack");
    };
    const { side, observed } = await open({ reportDeviceStates });
    const caller = side();
    const call = caller.call(DeviceManagerService.reportDeviceStates, {
      deviceName: "d",
      deviceNamespace: "n",
      state: "ok",
    });
    await expect(call).rejects.toMatchObject({ code: status.INTERNAL, details: "the edge agent failed" });
    await expect(register(caller)).resolves.toBeDefined();
    expect(observed).toEqual(["ReportDeviceStates INTERNAL internal", "MapperRegister OK "]);
  });

  it("a fault of a handler reaches the mapper as its code and its sentence", async () => {
    const reportDeviceStatus = (): void => {
      throw new DmiFault("NOT_FOUND", "device", "no such device");
    };
    const { side } = await open({ reportDeviceStatus });
    const call = side().call(DeviceManagerService.reportDeviceStatus, {
      deviceName: "d",
      deviceNamespace: "n",
      reportedDevice: DeviceStatus.create(),
    });
    await expect(call).rejects.toMatchObject({ code: status.NOT_FOUND, details: "no such device" });
  });

  it("stops soon while a call hangs", async () => {
    const { server, side } = await open({ mapperRegister: () => new Promise(() => undefined) });
    const call = register(side()).catch((error: unknown) => (error as { code: number }).code);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startMs = performance.now();
    await server.stop();
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await call).not.toBe(status.OK);
  });
});
