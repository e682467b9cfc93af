// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSlaves, type TestSlaves } from "../../mapper/drivers/test/support/modbus-slave.ts";
import { aClient, startBroker } from "../../mapper/drivers/test/support/mosquitto.ts";
import { startLine, type TestLine } from "../../mapper/drivers/test/support/pty.ts";
import { startOpcuaServer } from "../../mapper/drivers/test/opcua/support/opcua-server.ts";
import { buildPrograms } from "../build.ts";
import { startMapperProgram } from "../cluster/mapper.ts";
import { stopProcess } from "../cluster/processes.ts";
import { at, instance, model, type InstanceWish } from "./device-manifests.ts";
import { viewDevices, type DeviceView } from "./device-view.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";

jest.setTimeout(180_000);
const SEEN_MS = 40_000;
const PROGRAMS = ["modbus-mapper", "opcua-mapper", "mqtt-mapper"];
const HOLDING = "HoldingRegister";

describe("shipped mappers, from the Device to the machine and back", () => {
  let env: Environment;
  let ns: string;
  let seen: DeviceView;
  let dir: string;
  let tcp: TestSlaves;
  let serial: TestSlaves;
  let line: TestLine;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("machines");
    seen = viewDevices(env, ns);
    dir = mkdtempSync(join(tmpdir(), "longshore-machines-"));
    chmodSync(dir, 0o700);
    await buildPrograms(PROGRAMS);
    const settings = {
      MODBUS_SERIAL_PORTS: "/dev/pts/",
      OPCUA_PKI_FOLDER: join(dir, "pki"),
    };
    for (const program of PROGRAMS)
      await startMapperProgram(env.layout, { name: program, program, args: ["--http="], env: settings });
    line = await startLine(dir);
    tcp = await startSlaves({ tcp: true }, [1]);
    serial = await startSlaves({ serial: line.ends[1] }, [7]);
  }, 600_000);
  afterAll(async () => {
    for (const program of PROGRAMS) await stopProcess(env.layout, program, { forget: true });
    for (const slaves of [tcp, serial]) await slaves.kill();
    await line.kill();
    rmSync(dir, { recursive: true, force: true });
    await cleanEnvironment();
  }, 120_000);

  const put = (wish: Omit<InstanceWish, "namespace" | "node">): Promise<unknown> =>
    env.kubectl.apply(instance({ namespace: ns, node: env.node, ...wish }));
  const shows = (name: string, values: Readonly<Record<string, string>>): Promise<void> =>
    eventually(async () => expect(await seen.values(name)).toEqual(values), { timeoutMs: SEEN_MS });

  it.each([
    ["TCP", () => tcp, 1, () => ({ IP: "127.0.0.1", Port: tcp.port, SlaveID: 1 })],
    ["a serial line", () => serial, 7, () => ({ SerialPort: line.ends[0], BaudRate: "19200", SlaveID: "7" })],
  ] as const)("Modbus over %s: sets a register, reads another", async (way, slaves, unit, configData) => {
    await env.kubectl.apply(
      model({
        ...{ namespace: ns, name: "boiler", protocol: "modbus" },
        properties: { target: { maximum: "100" }, measured: { accessMode: "ReadOnly", type: "FLOAT" } },
      }),
    );
    await slaves().set(unit, HOLDING, 2, [215]);
    const name = way === "TCP" ? "boiler-tcp" : "boiler-serial";
    await put({
      ...{ name, model: "boiler", protocol: "modbus", configData: configData() },
      properties: {
        target: { desired: { value: "60" }, ...at("modbus", { Register: HOLDING, Offset: "1" }) },
        measured: at("modbus", { Register: HOLDING, Offset: "2", Limit: "1", Scale: 0.1 }),
      },
    });
    await shows(name, { target: "60", measured: "21.5" });
    expect(await slaves().get(unit, HOLDING, 1, 1)).toEqual([60]);
  });

  it("OPC UA: sets a node, reads another", async () => {
    const server = await startOpcuaServer(dir);
    try {
      await env.kubectl.apply(
        model({
          ...{ namespace: ns, name: "pump", protocol: "opcua" },
          properties: { target: { type: "INT" }, speed: { type: "DOUBLE", accessMode: "ReadOnly" } },
        }),
      );
      await put({
        ...{ name: "pump", model: "pump", protocol: "opcua", configData: { url: server.url } },
        properties: {
          target: { desired: { value: "1200" }, ...at("opcua", { nodeID: "ns=2;s=Int32" }) },
          speed: at("opcua", { nodeID: "ns=2;s=Double" }),
        },
      });
      await shows("pump", { target: "1200", speed: "3.141592653589793" });
    } finally {
      await server.stop();
    }
  });

  it("MQTT: commands a device, hears what it says", async () => {
    const broker = await startBroker(dir, ["allow_anonymous true"]);
    const plug = await aClient(broker.port);
    plug.on("message", (_topic, payload) => void plug.publish("stat/plug", payload, { retain: true }));
    try {
      await plug.subscribeAsync("cmnd/plug");
      await plug.publishAsync("tele/plug", JSON.stringify({ Power: 41 }), { retain: true });
      await env.kubectl.apply(
        model({
          ...{ namespace: ns, name: "plug", protocol: "mqtt" },
          properties: { on: { type: "BOOLEAN" }, power: { type: "FLOAT", accessMode: "ReadOnly" } },
        }),
      );
      const command = { Topic: "stat/plug", CommandTopic: "cmnd/plug", True: "ON", False: "OFF", QoS: 1 };
      await put({
        ...{ name: "plug", model: "plug", protocol: "mqtt" },
        configData: { Broker: `tcp://127.0.0.1:${broker.port}` },
        properties: {
          on: { desired: { value: "true" }, ...at("mqtt", command) },
          power: at("mqtt", { Topic: "tele/plug", Path: "Power" }),
        },
      });
      await shows("plug", { on: "true", power: "41" });
    } finally {
      await plug.endAsync(true);
      await broker.kill();
    }
  });
});
