// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import {
  DeviceManagerService,
  DeviceMapperService,
  fromAny,
  MapperRegisterResponse,
  RegisterDeviceRequest,
  ReportDeviceStatusRequest,
  toAny,
  UnsupportedValueError,
  type ProtocolConfig,
  type ServiceMethod,
  type VisitorConfig,
} from "../../src/dmi/index.ts";

type Call = { service: string; method: string; request_base64: string; response_base64: string };
type Method = ServiceMethod<unknown, unknown>;

const services: Record<string, Record<string, unknown>> = { DeviceManagerService, DeviceMapperService };

function callsOf(file: string): Call[] {
  const text = readFileSync(new URL(`../golden/${file}.jsonl`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Call);
}

const first = callsOf("dmi_mapper_first");
const late = callsOf("dmi_mapper_late");
const bytes = (base64: string): Buffer => Buffer.from(base64, "base64");
const messageOf = (calls: Call[], method: string): Buffer =>
  bytes(calls.find((call) => call.method === method)?.request_base64 ?? "");

const { device } = RegisterDeviceRequest.decode(messageOf(first, "RegisterDevice"));
const plain = (config: ProtocolConfig | VisitorConfig | undefined): object =>
  Object.fromEntries(Object.entries(config?.configData?.data ?? {}).map(([key, any]) => [key, fromAny(any)]));

describe("DMI", () => {
  test("calls of a real Go mapper and agent decode and encode to the same bytes", () => {
    const methods = new Set<string>();
    for (const call of [...first, ...late]) {
      const table = services[call.service] ?? {};
      const method = Object.values(table).find((rpc) =>
        (rpc as Method).path.endsWith(`/${call.method}`),
      ) as Method;
      methods.add(method.path);
      const request = bytes(call.request_base64);
      const message = method.requestDeserialize(request);
      const written = method.requestSerialize(message);
      expect(method.requestDeserialize(written)).toEqual(message);
      // Go writes the empty values of a map out, which means the same as leaving them out.
      if (call.method !== "ReportDeviceStatus") expect(written.toString("hex")).toBe(request.toString("hex"));
      const response = bytes(call.response_base64);
      const answered = method.responseSerialize(method.responseDeserialize(response));
      expect(answered.toString("hex")).toBe(response.toString("hex"));
    }
    expect(methods.size).toBe(9);
  });

  test("a report of a real mapper says what it reported", () => {
    const report = ReportDeviceStatusRequest.decode(messageOf(first, "ReportDeviceStatus"));
    expect(report).toMatchObject({ deviceName: "d1", deviceNamespace: "default" });
    expect(report.reportedDevice?.twins).toEqual([
      {
        propertyName: "temperature",
        observedDesired: { value: "20", metadata: { type: "", timestamp: "" } },
        reported: { value: "22", metadata: { type: "", timestamp: "" } },
      },
    ]);
  });

  test("service tables carry the paths that mappers call", () => {
    expect(DeviceManagerService.mapperRegister.path).toBe("/v1beta1.DeviceManagerService/MapperRegister");
    expect(Object.keys(DeviceManagerService)).toHaveLength(3);
    expect(Object.keys(DeviceMapperService)).toHaveLength(7);
  });

  test("a device carries every JSON type of configData", () => {
    expect(plain(device?.spec?.protocol)).toEqual({
      ...{ ratio: 0.5, tls: true, unitId: 1, host: "10.0.0.9", port: 502 },
    });
    expect(plain(device?.spec?.properties[0]?.visitors)).toMatchObject({ offset: 2, register: "holding" });
  });

  test("a mapper that registers late gets device and model in one answer", () => {
    const register = late.find(({ method }) => method === "MapperRegister");
    const answer = MapperRegisterResponse.decode(bytes(register?.response_base64 ?? ""));
    expect(answer.modelList.map(({ name, namespace }) => `${namespace}/${name}`)).toEqual(["default/m"]);
    expect(answer.deviceList.map(({ name, namespace }) => `${namespace}/${name}`)).toEqual(["default/d1"]);
    expect(answer.deviceList[0]?.spec?.properties.map(({ reportCycle }) => reportCycle)).toEqual([
      1000n,
      2000n,
    ]);
  });

  test("configData values are the bytes that Go writes", () => {
    for (const any of Object.values(device?.spec?.protocol?.configData?.data ?? {})) {
      expect(toAny(fromAny(any))).toEqual(any);
    }
  });

  test("configData values survive, numbers as 32-bit floats", () => {
    const value = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.float({ noNaN: true }),
      fc.integer({ min: -9999, max: 9999 }),
    );
    fc.assert(fc.property(value, (json) => fromAny(toAny(json)) === (Object.is(json, -0) ? 0 : json)));
  });

  test.each([[null], [{ a: 1 }], [[1]], [undefined]])("%j cannot be passed to a mapper", (value) => {
    expect(() => toAny(value)).toThrow(UnsupportedValueError);
  });

  test("a wrapper of another type is not guessed", () => {
    expect(
      fromAny({ typeUrl: "type.googleapis.com/google.protobuf.Duration", value: Buffer.from([8, 1]) }),
    ).toBeUndefined();
  });
});
