// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { ConfigData, PropertyType, Value } from "@longshore/mapper";
import { DataType, StatusCodes, Variant, VariantArrayType } from "node-opcua-client";
import { opcuaOptionsOf } from "../../src/opcua/index.ts";
import { nodeIdOf, targetOf } from "../../src/opcua/target.ts";
import { checkStatus, valueOf, variantOf } from "../../src/opcua/values.ts";
import { SettingError } from "../../src/settings/index.ts";

describe("how a server is reached", () => {
  it("reads KubeEdge's keys: files for secrets, seconds, policies without underscores", () => {
    const config = {
      url: "opc.tcp://localhost:4840/x",
      userName: "testuser",
      password: "/ca/pass",
      securityPolicy: "Aes128Sha256RsaOaep",
      securityMode: "Sign",
      certificate: "/ca/cert.pem",
      privateKey: "/ca/key.pem",
      remoteCertificate: "/ca/server.pem",
      timeout: 5,
    };
    expect(targetOf(config)).toEqual({
      ...{ url: "opc.tcp://localhost:4840/x", userName: "testuser", passwordFile: "/ca/pass" },
      ...{ policy: "Aes128_Sha256_RsaOaep", mode: "Sign", timeoutMs: 5_000 },
      ...{ certificateFile: "/ca/cert.pem", privateKeyFile: "/ca/key.pem" },
      serverCertificateFile: "/ca/server.pem",
    });
  });

  it("signs and encrypts when only a policy is given, and does neither when nothing is", () => {
    const url = "opc.tcp://a:1";
    expect(targetOf({ url, securityPolicy: "Basic256Sha256" })).toMatchObject({ mode: "SignAndEncrypt" });
    expect(targetOf({ url })).toMatchObject({ policy: "None", mode: "None", timeoutMs: undefined });
  });

  it.each<ConfigData>([
    {},
    { url: "http://a" },
    { url: "opc.tcp://" },
    { url: "opc.tcp://user:secret@a:1" },
    { url: "opc.tcp://a:1", securityPolicy: "Rot13" },
    { url: "opc.tcp://a:1", securityMode: "Sign" },
    { url: "opc.tcp://a:1", securityPolicy: "Basic256Sha256", securityMode: "None" },
    { url: "opc.tcp://a:1", userName: "u", password: "secret" },
    { url: "opc.tcp://a:1", password: "/ca/pass" },
    { url: "opc.tcp://a:1", certificate: "/ca/cert.pem" },
    { url: "opc.tcp://a:1", timeout: 3_600 },
  ])("refuses %p, and tells no value", (config) => {
    expect(() => targetOf(config)).toThrow(SettingError);
    expect(() => targetOf(config)).not.toThrow(/secret/);
  });

  it.each([
    ["ns=2;s=Pump 1.Speed", "ns=2;s=Pump 1.Speed"],
    ["ns=1,i=1005", "ns=1;i=1005"],
    ["i=85", "i=85"],
  ])("reads the node %s", (nodeID, nodeId) => {
    expect(nodeIdOf({ name: "p", config: { nodeID, browseName: "x" } })).toBe(nodeId);
  });

  it.each<ConfigData>([{}, { nodeID: "Speed" }, { nodeID: "ns=x;i=1" }, { nodeID: "ns=2;i=a" }])(
    "refuses the node %p",
    (config) => {
      expect(() => nodeIdOf({ name: "p", config })).toThrow(SettingError);
    },
  );

  it("reads its options from the environment, and refuses what makes no sense", () => {
    expect(opcuaOptionsOf({ OPCUA_TRUST: "anyone", OPCUA_PKI_FOLDER: "/p" })).toMatchObject({
      ...{ trust: "anyone", pkiFolder: "/p" },
    });
    expect(opcuaOptionsOf({}).trust).toBe("folder");
    expect(() => opcuaOptionsOf({ OPCUA_TRUST: "yes" })).toThrow("OPCUA_TRUST");
    expect(() => opcuaOptionsOf({ OPCUA_PKI_FOLDER: "pki" })).toThrow("absolute");
  });
});

describe("a reading", () => {
  const read = (dataType: DataType, value: unknown, type: PropertyType): Value =>
    valueOf(new Variant({ dataType, arrayType: VariantArrayType.Scalar, value }), type);

  it.each<[DataType, unknown, PropertyType, Value]>([
    [DataType.Boolean, true, "INT", 1],
    [DataType.Int64, [0xffff_ffff, 0xffff_fffe], "INT", -2n],
    [DataType.UInt64, [0xffff_ffff, 0xffff_ffff], "INT", 2n ** 64n - 1n],
    [DataType.String, null, "STRING", ""],
    [DataType.ByteString, Buffer.from("grün"), "STRING", "grün"],
    [DataType.StatusCode, StatusCodes.BadTimeout, "STRING", "BadTimeout"],
  ])("of type %s holding %p is for %s %p", (dataType, value, type, want) => {
    expect(read(dataType, value, type)).toEqual(want);
  });

  it("of no value, or of many, is none", () => {
    expect(() => read(DataType.Null, null, "INT")).toThrow("no value");
    const many = new Variant({ dataType: DataType.Int32, arrayType: VariantArrayType.Array, value: [1] });
    expect(() => valueOf(many, "INT")).toThrow("array");
  });

  it("is taken when the server is uncertain, and not when it is bad", () => {
    expect(() => checkStatus(StatusCodes.UncertainLastUsableValue, "i=1")).not.toThrow();
    expect(() => checkStatus(StatusCodes.BadNodeIdUnknown, "i=1")).toThrow("i=1: BadNodeIdUnknown");
  });
});

describe("a desired value", () => {
  it.each<[Value, DataType]>([
    [128, DataType.SByte],
    [-1, DataType.Byte],
    [2 ** 31, DataType.Int32],
    [1.5, DataType.Int16],
    [2n ** 63n, DataType.Int64],
    [-1n, DataType.UInt64],
    ["12x", DataType.UInt16],
    [1e39, DataType.Float],
    ["warm", DataType.Double],
    ["", DataType.Double],
    [2, DataType.Boolean],
    ["yes", DataType.Boolean],
    ["soon", DataType.DateTime],
    ["1234", DataType.Guid],
    ["elsewhere", DataType.NodeId],
    [new Uint8Array([1]), DataType.String],
    ["x", DataType.ExtensionObject],
  ])("%p does not fit a node of type %s", (value, dataType) => {
    expect(() => variantOf(value, dataType)).toThrow(expect.objectContaining({ code: "VALUE" }));
  });

  it.each<[Value, DataType, unknown]>([
    [-1, DataType.Int64, [0xffff_ffff, 0xffff_ffff]],
    [2n ** 64n - 1n, DataType.UInt64, [0xffff_ffff, 0xffff_ffff]],
    ["-7", DataType.Int16, -7],
    [1, DataType.Boolean, true],
    [0.1, DataType.Float, Math.fround(0.1)],
    [5, DataType.String, "5"],
    ["ab", DataType.ByteString, Buffer.from("ab")],
  ])("%p becomes for a node of type %s %p", (value, dataType, want) => {
    expect(variantOf(value, dataType).value).toEqual(want);
  });
});
