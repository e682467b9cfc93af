// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  DeviceManagerService,
  MapperRegisterRequest,
  MapperRegisterResponse,
  ReportDeviceStatusRequest,
} from "@longshore/crds/dmi";
import { createMapper, type Device, type Driver, type Mapper, type Value } from "@longshore/mapper";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dialMapper } from "./support/edge.ts";
import { aLog } from "./support/gen.ts";
import { callsOf, recorded, type GoldenCall } from "./support/golden.ts";

const first = recorded("dmi_mapper_first");
const late = recorded("dmi_mapper_late");
const NAMES = ["MapperRegister", "ReportDeviceStatus", "ReportDeviceStates"] as const;

/** Real sockets and real time: waits for what must come, and fails when it does not. */
async function until(isTrue: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The edge of a recording: answers with its bytes, and keeps the bytes that a mapper sends. */
async function startEdge(path: string, lines: readonly GoldenCall[]) {
  const seen: { method: string; bytes: Buffer }[] = [];
  const same = (bytes: Buffer): Buffer => bytes;
  const server = new Server();
  for (const method of NAMES) {
    const { response } = callsOf(lines, method)[0];
    const rpc = {
      path: `/v1beta1.DeviceManagerService/${method}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    const answer = (call: { request: Buffer }, reply: (error: null, bytes: Buffer) => void): void => {
      seen.push({ method, bytes: Buffer.from(call.request) });
      reply(null, response);
    };
    server.register(rpc.path, answer, same, same, "unary");
  }
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  const bytesOf = (method: (typeof NAMES)[number]): Buffer[] =>
    seen.filter((call) => call.method === method).map(({ bytes }) => bytes);
  return { bytesOf, stop: () => server.forceShutdown() };
}

/**
 * What the mapper must answer. Go's framework leaves the namespace of what it took unsaid; the proto has a field for
 * it, which is said here, after the recorded bytes.
 */
function expectedAnswer({ method, response }: GoldenCall): Buffer {
  const isNamed = method === "RegisterDevice" || method === "CreateDeviceModel";
  const namespace = Buffer.from([0x12, "default".length, ...Buffer.from("default")]);
  return isNamed ? Buffer.concat([response, namespace]) : response;
}

describe("the recorded exchanges of a mapper in Go, with this one in its place", () => {
  let dir: string;
  let edge: Awaited<ReturnType<typeof startEdge>>;
  let mapper: Mapper;
  let calls: ReturnType<typeof dialMapper>;
  const opened: Device[] = [];
  const written: Value[] = [];
  const driver: Driver = {
    open: (device) => {
      opened.push(device);
      return {
        read: ({ name }) => (name === "temperature" ? 22 : true),
        write: (_, value) => void written.push(value),
        state: () => "ok",
      };
    },
  };
  const address = () => join(dir, "th.sock");
  const start = async (lines: readonly GoldenCall[]): Promise<void> => {
    const dmiSocket = join(dir, "dmi.sock");
    const { mapper: info } = MapperRegisterRequest.decode(callsOf(lines, "MapperRegister")[0].request);
    const { name = "", version = "", protocol = "" } = info ?? {};
    edge = await startEdge(dmiSocket, lines);
    const log = aLog();
    // The recorded device is pushed to a server that is not there.
    const options = { flushTimeoutMs: 50 };
    mapper = createMapper({ name, version, protocol, address: address(), dmiSocket, driver, log, options });
    calls = dialMapper(address());
    await mapper.start();
    await until(() => mapper.isRegistered(), "registration");
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "golden-"));
    [opened, written].forEach((list) => (list.length = 0));
  });
  afterEach(async () => {
    calls.close();
    await mapper.stop();
    edge.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each([
    { file: "dmi_mapper_first", lines: first, count: 7 },
    { file: "dmi_mapper_late", lines: late, count: 5 },
  ])("answers every call of $file with the bytes that are due, and does it", async ({ lines, count }) => {
    await start(lines);
    const told = lines.filter((line) => line.dir === "edge->mapper");
    expect(told).toHaveLength(count);
    const desired: Record<string, Value[]> = { RegisterDevice: [20], UpdateDevice: [25] };
    await until(() => lines === first || written.includes(20), "the desired value of the registration");
    for (const call of told) {
      const answer = await calls.raw(call.method, call.request);
      expect([call.method, answer.toString("hex")]).toEqual([
        call.method,
        expectedAnswer(call).toString("hex"),
      ]);
      const [value] = desired[call.method] ?? [];
      if (value !== undefined) await until(() => written.includes(value), `desired ${String(value)}`);
      if (call.method === "UpdateDevice") desired["UpdateDevice"] = [30];
    }
    expect(written).toEqual([20, 25, 30]);
    expect(mapper.devices()).toEqual([]);
    expect(mapper.counters()).toMatchObject({ refusedInput: 0 });
  });

  it("reads every setting of the recorded device as it was written", async () => {
    await start(late);
    await until(() => opened.length === 1, "the device");
    const [device] = opened;
    expect(device).toMatchObject({ id: "default/d1", model: "m" });
    expect(device?.config).toEqual({ host: "10.0.0.9", port: 502, ratio: 0.5, tls: true, unitId: 1 });
    expect(device?.properties.map(({ name, config }) => [name, config])).toEqual([
      [
        "temperature",
        { register: "holding", offset: 2, scale: expect.closeTo(0.1, 6), swap: false, dataType: "int" },
      ],
      ["on", { register: "coil", offset: 0, dataType: "boolean" }],
    ]);
  });

  it("registers with Go's bytes, but for its own DMI version and socket", async () => {
    await start(late);
    const golden = MapperRegisterRequest.decode(callsOf(late, "MapperRegister")[0].request);
    const own = { apiVersion: "v1beta1", address: Buffer.from(address()) };
    const mine = MapperRegisterRequest.create({ ...golden, mapper: { ...golden.mapper, ...own } });
    expect(edge.bytesOf("MapperRegister").map((bytes) => bytes.toString("hex"))).toEqual([
      DeviceManagerService.mapperRegister.requestSerialize(mine).toString("hex"),
    ]);
    const answer = MapperRegisterResponse.decode(callsOf(late, "MapperRegister")[0].response);
    expect(mapper.devices()).toHaveLength(answer.deviceList.length);
  });

  it("reports with the fields of Go's reports, and states with Go's bytes", async () => {
    await start(late);
    await until(() => edge.bytesOf("ReportDeviceStatus").length > 1, "reports");
    await until(() => edge.bytesOf("ReportDeviceStates").length > 0, "a state");
    const golden = ReportDeviceStatusRequest.decode(callsOf(first, "ReportDeviceStatus")[0].request);
    const time = expect.stringMatching(/^\d{13}$/) as unknown as string;
    // Go leaves the values of both metadata empty.
    const metadata = { type: "int", timestamp: time };
    const twins = golden.reportedDevice?.twins.map((twin) => ({
      ...twin,
      observedDesired: { ...twin.observedDesired, metadata },
      reported: { ...twin.reported, metadata },
    }));
    for (const bytes of edge.bytesOf("ReportDeviceStatus")) {
      expect(ReportDeviceStatusRequest.decode(bytes)).toEqual({
        ...golden,
        reportedDevice: { ...golden.reportedDevice, twins },
      });
    }
    for (const bytes of edge.bytesOf("ReportDeviceStates")) {
      expect(bytes.toString("hex")).toBe(callsOf(late, "ReportDeviceStates")[0].request.toString("hex"));
    }
  });
});
