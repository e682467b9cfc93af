// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineMapper, type ConfigData, type Mapper } from "@longshore/mapper";
import { createTestEdge, dialMapper, type TestEdge } from "../../../test/support/edge.ts";
import { modbusMapper } from "../../src/modbus/index.ts";
import { dmiDevice } from "../support/dmi.ts";
import { aLog } from "../support/gen.ts";
import { startSlaves, type TestSlaves } from "../support/modbus-slave.ts";
import { until } from "../support/process.ts";
import { startLine, type TestLine } from "../support/pty.ts";

describe.each(["tcp", "rtu"] as const)("a Modbus device over %s, between slave and edge", (kind) => {
  let dir: string;
  let edge: TestEdge;
  let mapper: Mapper;
  let line: TestLine | undefined;
  let slaves: TestSlaves;

  const start = (port?: number): Promise<TestSlaves> =>
    startSlaves(line ? { serial: line.ends[1] } : { tcp: true, ...(port !== undefined && { port }) }, [1]);
  const place = (): ConfigData =>
    line
      ? { SerialPort: line.ends[0], BaudRate: "19200", Parity: "none", slaveID: 1, TimeoutMs: "200" }
      : { ip: "127.0.0.1", port: String(slaves.port), slaveID: "1", TimeoutMs: 200 };
  const boiler = (target: string) =>
    dmiDevice("boiler", { name: "modbus", config: place() }, [
      {
        name: "temperature",
        type: "FLOAT",
        config: { Register: "InputRegister", Offset: "2", Limit: 1, Scale: 0.1 },
      },
      { name: "target", type: "INT", config: { Register: "HoldingRegister", Offset: "4" }, desired: target },
    ]);
  /** The newest that was reported of a property. */
  const reported = (name: string): string | undefined =>
    edge.reports
      .flatMap(({ reportedDevice }) => reportedDevice?.twins ?? [])
      .filter(({ propertyName }) => propertyName === name)
      .at(-1)?.reported?.value;
  const state = (): string | undefined => edge.states.at(-1)?.state;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "modbus-"));
    chmodSync(dir, 0o700);
    line = kind === "rtu" ? await startLine(dir) : undefined;
    slaves = await start();
    edge = createTestEdge(join(dir, "dmi.sock"));
    await edge.start();
    const { device, model } = boiler("5");
    edge.set = { devices: [device], models: [model] };
    mapper = defineMapper(
      modbusMapper({ serialPorts: ["/dev/pts/"], reconnectPauseMs: 50, settleMs: 50 }),
    ).create({
      address: join(dir, "modbus.sock"),
      dmiSocket: join(dir, "dmi.sock"),
      log: aLog(),
      options: { retryBaseMs: 50, retryCapMs: 200 },
    });
  });
  afterEach(async () => {
    await mapper.stop();
    edge.crash();
    await slaves.kill();
    await line?.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  it("takes desired values to registers, tells readings, goes offline with its slave and comes back", async () => {
    await slaves.set(1, "InputRegister", 2, [215]);
    await mapper.start();
    await until(() => reported("temperature") === "21.5", "the first reading");
    await until(async () => (await slaves.get(1, "HoldingRegister", 4, 1))[0] === 5, "the desired value");
    await until(() => reported("target") === "5" && state() === "online", "its reading, and the state");

    const side = dialMapper(join(dir, "modbus.sock"));
    await side.updateDevice({ device: boiler("7").device });
    await until(
      async () => (await slaves.get(1, "HoldingRegister", 4, 1))[0] === 7,
      "the next desired value",
    );
    side.close();

    const { port } = slaves;
    await slaves.kill();
    await until(() => state() === "offline", "offline");
    slaves = await start(port);
    await slaves.set(1, "InputRegister", 2, [99]);
    await until(() => reported("temperature") === "9.9" && state() === "online", "back again");
    expect(mapper.counters()).toMatchObject({ driverHangs: 0, refusedReadings: 0 });
  });
});
