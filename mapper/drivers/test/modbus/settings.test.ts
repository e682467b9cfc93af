// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { ConfigData, PropertyType } from "@longshore/mapper";
import { placeOf } from "../../src/modbus/place.ts";
import { pointOf } from "../../src/modbus/point.ts";
import { modbusOptionsOf } from "../../src/modbus/index.ts";
import { aProperty } from "../support/gen.ts";

describe("the way to a slave", () => {
  it("is read as KubeEdge's samples have it, in any case, numbers as text", () => {
    const config = {
      SerialPort: "/dev/ttyS0",
      BaudRate: "9600",
      DataBits: "8",
      Parity: "even",
      StopBits: "1",
    };
    const serial = {
      kind: "rtu",
      path: "/dev/ttyS0",
      baudRate: 9600,
      dataBits: 8,
      parity: "even",
      stopBits: 1,
    };
    expect(placeOf(config)).toStrictEqual({ line: serial, unit: 1, timeoutMs: undefined });
    expect(placeOf({ ip: "172.17.0.3", port: 1502, slaveID: 7 })).toStrictEqual({
      line: { kind: "tcp", host: "172.17.0.3", port: 1502 },
      unit: 7,
      timeoutMs: undefined,
    });
    expect(placeOf({ IP: "plc.hall.local" }).line).toMatchObject({ port: 502 });
  });

  it.each<{ what: string; config: ConfigData; why: string }>([
    { what: "nothing", config: {}, why: "IP or SerialPort is missing" },
    { what: "two ways", config: { ip: "a", serialPort: "/dev/ttyS0" }, why: "exclude each other" },
    { what: "a URL", config: { ip: "http://a" }, why: "neither address nor name" },
    { what: "a path", config: { ip: "/run/docker.sock" }, why: "neither address nor name" },
    { what: "port 0", config: { ip: "a", port: 0 }, why: "Port must be a whole number from 1 to 65535" },
    { what: "port 65536", config: { ip: "a", port: "65536" }, why: "from 1 to 65535" },
    { what: "a port and a half", config: { ip: "a", port: 502.5 }, why: "from 1 to 65535" },
    { what: "a port in words", config: { ip: "a", port: "high" }, why: "Port is no number" },
    { what: "slave 248 on a line", config: { serialPort: "/dev/ttyS0", slaveID: 248 }, why: "from 1 to 247" },
    { what: "slave 256", config: { ip: "a", slaveID: 256 }, why: "from 0 to 255" },
    {
      what: "another parity",
      config: { serialPort: "/dev/ttyS0", parity: "some" },
      why: "one of none, even, odd",
    },
    {
      what: "a setting twice",
      config: { ip: "a", Port: 1, port: 2 },
      why: "Port and port are the same setting",
    },
  ])("is not $what", ({ config, why }) => {
    expect(() => placeOf(config)).toThrow(why);
  });

  it("may be bounded by the environment", () => {
    expect(
      modbusOptionsOf({ MODBUS_SERIAL_PORTS: "/dev/pts/, /dev/x", MODBUS_NETWORKS: "192.0.2.0/24" }),
    ).toMatchObject({ serialPorts: ["/dev/pts/", "/dev/x"], networks: ["192.0.2.0/24"] });
    expect(modbusOptionsOf({})).toMatchObject({ serialPorts: [], networks: undefined });
  });
});

describe("the place of a property", () => {
  it("A13 is read as KubeEdge's samples have it", () => {
    expect(pointOf(aProperty({ Register: "CoilRegister", Offset: "2" }))).toMatchObject({
      table: "CoilRegister",
      offset: 2,
      count: 1,
      format: "integer",
      scale: 1,
    });
    const v2 = {
      register: "holdingregister",
      offset: 2,
      limit: 1,
      scale: 1,
      isSwap: true,
      isRegisterSwap: true,
    };
    expect(pointOf(aProperty(v2))).toMatchObject({ isByteSwap: true, isWordSwap: true });
    expect(pointOf(aProperty({ ...v2, scale: 0 })).scale).toBe(1);
  });

  it.each<{ what: string; config: ConfigData; type?: PropertyType; why: string }>([
    { what: "no table", config: {}, why: "temperature: Register must be one of CoilRegister" },
    { what: "another table", config: { Register: "Flash", Offset: 1 }, why: "Register must be one of" },
    { what: "no offset", config: { Register: "InputRegister" }, why: "temperature: Offset is missing" },
    { what: "an offset below 0", config: { Register: "InputRegister", Offset: -1 }, why: "from 0 to 65535" },
    {
      what: "more than there is",
      config: { Register: "InputRegister", Offset: 65535, Limit: 2 },
      why: "65535",
    },
    { what: "five registers", config: { Register: "InputRegister", Offset: 0, Limit: 5 }, why: "at most 4" },
    {
      what: "no registers",
      config: { Register: "InputRegister", Offset: 0, Limit: 0 },
      why: "from 1 to 123",
    },
    { what: "65 coils", config: { Register: "CoilRegister", Offset: 0, Limit: 65 }, why: "at most 64" },
    {
      what: "a float of three",
      config: { Register: "InputRegister", Offset: 0, Limit: 3 },
      type: "FLOAT",
      why: "is 2 or 4",
    },
    {
      what: "two registers as a boolean",
      config: { Register: "InputRegister", Offset: 0, Limit: 2 },
      type: "BOOLEAN",
      why: "Limit of a BOOLEAN is 1",
    },
    {
      what: "text in coils",
      config: { Register: "CoilRegister", Offset: 0 },
      type: "STRING",
      why: "not in Coil",
    },
    {
      what: "a scale below 0",
      config: { Register: "InputRegister", Offset: 0, Scale: -1 },
      why: "Scale must be above 0",
    },
    {
      what: "a bit 16",
      config: { Register: "InputRegister", Offset: 0, Bit: 16 },
      type: "BOOLEAN",
      why: "Bit must be a whole number from 0 to 15",
    },
    {
      what: "a bit of a coil",
      config: { Register: "CoilRegister", Offset: 0, Bit: 3 },
      type: "BOOLEAN",
      why: "Bit is of a register, and a coil is one bit",
    },
  ])("is not $what", ({ config, type = "INT", why }) => {
    expect(() => pointOf(aProperty(config, { type }))).toThrow(why);
  });
});
