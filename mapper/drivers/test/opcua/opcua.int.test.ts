// SPDX-License-Identifier: Apache-2.0
// A real OPC UA server, of a library that knows nothing of ours.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  driverOf,
  type ConfigData,
  type DeviceHandle,
  type Driver,
  type PropertyType,
  type Value,
} from "@longshore/mapper";
import { setErrorLogger, setWarningLogger } from "node-opcua-client";
import { opcuaMapper, type OpcuaOptions } from "../../src/opcua/index.ts";
import { aDevice, aNode, calling } from "./support/devices.ts";
import { startOpcuaServer, type OpcuaServer } from "./support/opcua-server.ts";

// The library writes to the console what it finds wrong; the errors say it.
setWarningLogger(() => undefined);
setErrorLogger(() => undefined);

const root = mkdtempSync(join(tmpdir(), "longshore-opcua-"));
const pki = join(root, "pki");
const handles: DeviceHandle[] = [];
let server: OpcuaServer;

beforeAll(async () => {
  server = await startOpcuaServer(root);
  writeFileSync(join(root, "password"), "pass word\n", { mode: 0o600 });
  writeFileSync(join(root, "wrong"), "no-secret");
}, 120_000);
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close?.(calling());
});
afterAll(async () => {
  await server.stop();
  rmSync(root, { recursive: true });
});

const driverWith = (options: Partial<OpcuaOptions> = {}): Driver =>
  driverOf(opcuaMapper({ pkiFolder: pki, secretFolders: [root], reconnectPauseMs: 1, ...options }));

async function open(config: ConfigData = {}, driver = driverWith()): Promise<DeviceHandle> {
  const handle = await driver.open(aDevice({ url: server.url, ...config }), calling());
  handles.push(handle);
  return handle;
}

const operator = (): ConfigData => ({ userName: "operator", password: join(root, "password") });
const at = (name: string, type: PropertyType) => aNode(name, type, { nodeID: `ns=2;s=${name}` });

const SCALARS: [string, PropertyType, Value, Value][] = [
  ["Boolean", "BOOLEAN", true, false],
  ["SByte", "INT", -5, 127],
  ["Byte", "INT", 200, 255],
  ["Int16", "INT", -30_000, 12],
  ["UInt16", "INT", 60_000, 65_535],
  ["Int32", "INT", -2_000_000_000, 7],
  ["UInt32", "INT", 4_000_000_000, 4_294_967_295],
  ["Int64", "INT", -9_007_199_254_740_993n, -(2n ** 63n)],
  ["UInt64", "INT", 9_223_372_036_854_775_807n, 2n ** 63n - 1n],
  ["Float", "FLOAT", 21.5, -0.25],
  ["Double", "DOUBLE", 3.141592653589793, 1e300],
  ["String", "STRING", "grün", "rot 🌊"],
  ["DateTime", "STRING", "2026-01-02T03:04:05.678Z", "2027-02-03T04:05:06.789Z"],
  ["Guid", "STRING", "12345678-1234-5678-1234-567812345678", "87654321-4321-8765-4321-876543218765"],
  ["ByteString", "BYTES", Buffer.from([0, 1, 255]), Buffer.from([9, 8])],
  ["NodeId", "STRING", "ns=0;i=85", "ns=2;s=Double"],
  ["LocalizedText", "STRING", "Pumpe", "Ventil"],
  ["QualifiedName", "STRING", "valve", "pump"],
];

describe("a server without security", () => {
  it.each(SCALARS)("reads and writes a node of type %s", async (name, type, first, next) => {
    const handle = await open(operator());
    expect(normal(await handle.read(at(name, type), calling()))).toEqual(normal(first));
    await handle.write?.(at(name, type), next, calling());
    expect(normal(await handle.read(at(name, type), calling()))).toEqual(normal(next));
    await handle.write?.(at(name, type), first, calling());
  });

  it.each([
    { name: "Nowhere", type: "INT", why: "BadNodeIdUnknown" },
    { name: "Broken", type: "INT", why: "BadSensorFailure" },
    { name: "Array", type: "INT", why: "array" },
  ] as const)("fails a read of $name: $why", async ({ name, type, why }) => {
    const handle = await open();
    await expect(handle.read(at(name, type), calling())).rejects.toThrow(why);
    expect(await handle.read(at("Float", "FLOAT"), calling())).toBe(21.5);
  });

  it("takes a value of which the server is uncertain", async () => {
    const handle = await open();
    expect(await handle.read(at("Doubted", "INT"), calling())).toBe(7);
  });

  it.each([
    { name: "ReadOnly", value: 5, why: /BadUserAccessDenied|BadNotWritable/ },
    { name: "Int16", value: 40_000, why: /does not fit a node of type Int16/ },
    { name: "Nowhere", value: 1, why: /BadNodeIdUnknown/ },
  ])("fails a write to $name: $why", async ({ name, value, why }) => {
    const handle = await open(operator());
    await expect(handle.write?.(at(name, "INT"), value, calling())).rejects.toThrow(why);
  });

  it("refuses a wrong password, and says so without it", async () => {
    const opening = open({ userName: "operator", password: join(root, "wrong") });
    await expect(opening).rejects.toMatchObject({ code: "REFUSED" });
    await expect(opening).rejects.not.toThrow(/no-secret/);
  });

  it("shares one session among devices of one server and login", async () => {
    const driver = driverWith();
    const [one] = await Promise.all([open({}, driver), open({}, driver), open({}, driver)]);
    await sees(one, 1);
    const other = await open(operator(), driver);
    await sees(other, 2);
    for (const handle of handles.splice(1)) await handle.close?.(calling());
    await sees(one, 1);
  });
});

describe("a server that comes and goes", () => {
  it("is offline while it is away, and the same devices go on when it is back", async () => {
    const folder = mkdtempSync(join(root, "other-"));
    const first = await startOpcuaServer(folder);
    const handle = await open({ url: first.url });
    expect(await handle.state?.(calling())).toBe("online");
    await first.stop();
    await expect(handle.read(at("Float", "FLOAT"), calling())).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(handle.state?.(calling())).rejects.toMatchObject({ code: "UNREACHABLE" });
    const second = await startOpcuaServer(folder, first.port);
    expect(await eventually(() => handle.read(at("Float", "FLOAT"), calling()))).toBe(21.5);
    await second.stop();
  });

  it("ends a call when it is aborted, though the server says nothing", async () => {
    const silent = await startOpcuaServer(mkdtempSync(join(root, "silent-")));
    const handle = await open({ url: silent.url, timeout: 2 });
    silent.freeze();
    const stop = new AbortController();
    const reading = handle.read(at("Float", "FLOAT"), calling(stop.signal));
    stop.abort();
    await expect(reading).rejects.toThrow(/abort/);
    await silent.stop();
  });

  it("is not opened when nobody listens", async () => {
    await expect(open({ url: "opc.tcp://127.0.0.1:1/" })).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});

describe("a server with a certificate", () => {
  const secure = { securityPolicy: "Basic256Sha256", securityMode: "SignAndEncrypt" };

  it("is refused until its certificate lies among the trusted ones", async () => {
    const folder = mkdtempSync(join(root, "pki-"));
    const driver = driverWith({ pkiFolder: folder });
    await expect(open({ ...secure, ...operator() }, driver)).rejects.toMatchObject({
      ...{ code: "UNTRUSTED", message: "the server's certificate is untrusted" },
    });
    const [kept = ""] = readdirSync(join(folder, "rejected"));
    copyFileSync(join(folder, "rejected", kept), join(folder, "trusted", kept));
    const handle = await open({ ...secure, ...operator() }, driver);
    expect(await handle.read(at("Float", "FLOAT"), calling())).toBe(21.5);
  });

  it.each(["Basic256Sha256", "Aes256Sha256RsaPss"])("speaks %s", async (securityPolicy) => {
    trustServer();
    const handle = await open({ ...operator(), securityPolicy });
    expect(await handle.read(at("Float", "FLOAT"), calling())).toBe(21.5);
  });

  it("signs without encrypting when that is asked for", async () => {
    trustServer();
    const handle = await open({ ...operator(), ...secure, securityMode: "Sign" });
    expect(await handle.read(at("Float", "FLOAT"), calling())).toBe(21.5);
  });

  it("trusts the one certificate that a device names, and no other", async () => {
    const driver = driverWith({ pkiFolder: mkdtempSync(join(root, "pki-")) });
    const pinned = { ...secure, remoteCertificate: server.certificateFile };
    const handle = await open(pinned, driver);
    expect(await handle.read(at("Float", "FLOAT"), calling())).toBe(21.5);
    const foreign = mkdtempSync(join(root, "foreign-"));
    await (await startOpcuaServer(foreign)).stop();
    const other = { ...secure, remoteCertificate: join(foreign, "server.der") };
    await expect(open(other, driver)).rejects.toMatchObject({ code: "UNTRUSTED" });
  });

  it("trusts whoever answers only when the mapper is told to", async () => {
    const driver = driverWith({ pkiFolder: mkdtempSync(join(root, "pki-")), trust: "anyone" });
    const handle = await open(secure, driver);
    expect(await handle.read(at("Float", "FLOAT"), calling())).toBe(21.5);
  });

  it("keeps its own key where only its user reads it", async () => {
    trustServer();
    await open({ ...secure });
    expect(statSync(join(pki, "own/private-key.pem")).mode & 0o777).toBe(0o600);
  });
});

function trustServer(): void {
  mkdirSync(join(pki, "trusted"), { recursive: true });
  copyFileSync(server.certificateFile, join(pki, "trusted/server.der"));
}

const normal = (value: Value): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "bigint" ? String(value) : value;
};

async function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await look();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The server tells how many connections it has, a little later. */
async function sees(handle: DeviceHandle | undefined, connections: number): Promise<void> {
  await eventually(async () => {
    expect(await handle?.read(at("Connections", "INT"), calling())).toBe(connections);
  });
}
