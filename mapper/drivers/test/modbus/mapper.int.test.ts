// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { driverOf, type ConfigData, type DeviceHandle, type Property, type Value } from "@longshore/mapper";
import { modbusMapper } from "../../src/modbus/index.ts";
import { aCall, aDevice, aProperty } from "../support/gen.ts";
import { startSlaves, type TestSlaves } from "../support/modbus-slave.ts";
import { startLine, type TestLine } from "../support/pty.ts";

const UNITS = [1, 2];
const DEAD = 9;

/** For slaves that are not to answer, or too late. */
const SOON_MS = 300;

interface Row {
  readonly what: string;
  readonly config: ConfigData;
  readonly change?: Partial<Property>;
  readonly cells: number[];
  readonly value: Value;
}

const ROWS: readonly Row[] = [
  {
    what: "a coil",
    config: { Register: "CoilRegister", Offset: 1 },
    change: { type: "BOOLEAN" },
    cells: [1],
    value: true,
  },
  {
    what: "coils as a number",
    config: { Register: "CoilRegister", Offset: 9, Limit: 4 },
    cells: [0, 1, 1, 0],
    value: 6,
  },
  { what: "a register", config: { Register: "HoldingRegister", Offset: 3 }, cells: [0xfffe], value: 65534 },
  {
    what: "a signed register",
    config: { Register: "HoldingRegister", Offset: 3, Signed: "true" },
    cells: [0xfffe],
    value: -2,
  },
  {
    what: "a scaled register",
    config: { Register: "HoldingRegister", Offset: 4, Scale: "0.1", Limit: 1 },
    change: { type: "FLOAT" },
    cells: [215],
    value: 21.5,
  },
  {
    what: "two registers, the low one first",
    config: { Register: "HoldingRegister", Offset: 5, Limit: 2, IsRegisterSwap: true },
    cells: [0x5678, 0x1234],
    value: 0x12345678,
  },
  {
    what: "a register with its bytes the other way round",
    config: { Register: "HoldingRegister", Offset: 5, IsSwap: "true" },
    cells: [0x3412],
    value: 0x1234,
  },
  {
    what: "a float",
    config: { Register: "HoldingRegister", Offset: 6, Limit: 2 },
    change: { type: "FLOAT" },
    cells: [0x41ac, 0],
    value: 21.5,
  },
  {
    what: "a text",
    config: { Register: "HoldingRegister", Offset: 20, Limit: 3 },
    change: { type: "STRING" },
    cells: [0x626f, 0x696c, 0x6572],
    value: "boiler",
  },
];

describe.each(["tcp", "rtu"] as const)("the Modbus mapper over %s, with slaves of pymodbus", (kind) => {
  let dir: string;
  let line: TestLine | undefined;
  let slaves: TestSlaves;
  const handles: DeviceHandle[] = [];
  const place = (SlaveID: number, TimeoutMs: number): ConfigData =>
    kind === "tcp"
      ? { IP: "127.0.0.1", Port: String(slaves.port), SlaveID, TimeoutMs }
      : { SerialPort: line?.ends[0] ?? "", BaudRate: "19200", SlaveID, TimeoutMs };
  const start = (port?: number): Promise<TestSlaves> =>
    startSlaves(line ? { serial: line.ends[1] } : { tcp: true, ...(port !== undefined && { port }) }, UNITS);
  const driver = driverOf(modbusMapper({ serialPorts: ["/dev/pts/"], reconnectPauseMs: 50, settleMs: 300 }));
  const open = async (unit = 1, timeoutMs = 5_000): Promise<DeviceHandle> => {
    const handle = await driver.open(aDevice(place(unit, timeoutMs)), aCall());
    handles.push(handle);
    return handle;
  };

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "modbus-"));
    line = kind === "rtu" ? await startLine(dir) : undefined;
    slaves = await start();
  });
  afterEach(async () => {
    for (const handle of handles.splice(0)) await handle.close?.(aCall());
  });
  afterAll(async () => {
    await slaves.kill();
    await line?.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(ROWS)("reads and writes $what", async ({ config, change, cells, value }) => {
    const property = aProperty(config, change);
    const table = config["Register"] as "HoldingRegister";
    const offset = Number(config["Offset"]);
    await slaves.set(2, table, offset, cells);
    const device = await open(2);
    expect(await device.read(property, aCall())).toStrictEqual(value);
    await slaves.set(
      2,
      table,
      offset,
      cells.map(() => 0),
    );
    await device.write?.(property, value, aCall());
    expect(await slaves.get(2, table, offset, cells.length)).toStrictEqual(cells);
  });

  it("reads the tables that cannot be written, and says so when one is", async () => {
    await slaves.set(1, "InputRegister", 7, [77]);
    await slaves.set(1, "DiscreteInputRegister", 8, [1]);
    const device = await open();
    const [input, discrete] = [
      aProperty({ Register: "InputRegister", Offset: 7 }),
      aProperty({ Register: "discreteinputregister", offset: "8" }, { type: "BOOLEAN" }),
    ];
    expect(await device.read(input, aCall())).toBe(77);
    expect(await device.read(discrete, aCall())).toBe(true);
    await expect(device.write?.(input, 1, aCall())).rejects.toThrow("InputRegister can only be read");
  });

  it("writes one bit of a register, and leaves the others", async () => {
    await slaves.set(1, "HoldingRegister", 30, [0b1010]);
    const device = await open();
    const bit = (n: number) =>
      aProperty({ Register: "HoldingRegister", Offset: 30, Bit: n }, { type: "BOOLEAN" });
    expect(await device.read(bit(1), aCall())).toBe(true);
    await device.write?.(bit(1), false, aCall());
    await device.write?.(bit(15), true, aCall());
    expect(await slaves.get(1, "HoldingRegister", 30, 1)).toStrictEqual([0b1000_0000_0000_1000]);
  });

  it("tells why a slave refuses", async () => {
    const device = await open();
    const outside = aProperty({ Register: "HoldingRegister", Offset: 60_000 });
    await expect(device.read(outside, aCall())).rejects.toMatchObject({
      code: "REFUSED_BY_SLAVE",
      exception: 2,
      message: "slave 1 refused with exception 2: it has no such address",
    });
  });

  it("lets no dead slave hold up the others for longer than its timeout", async () => {
    const [dead, alive] = [await open(DEAD, SOON_MS), await open(1)];
    const property = aProperty({ Register: "HoldingRegister", Offset: 0 });
    const lost = Promise.all(
      [1, 2, 3].map(() => expect(dead.read(property, aCall())).rejects.toMatchObject({ code: "NO_ANSWER" })),
    );
    for (let i = 0; i < 5; i++) {
      const startMs = performance.now();
      await alive.read(property, aCall());
      expect(performance.now() - startMs).toBeLessThan(850); // all three: 900
    }
    await lost;
  });

  it("takes no late answer for the next one's", async () => {
    await slaves.set(1, "HoldingRegister", 40, [4000, 4100]);
    const device = await open(1, SOON_MS);
    const at = (Offset: number) => aProperty({ Register: "HoldingRegister", Offset });
    await slaves.delay(0.45);
    await expect(device.read(at(40), aCall())).rejects.toMatchObject({ code: "NO_ANSWER" });
    expect(await device.read(at(41), aCall())).toBe(4100);
  });

  it("gives up at once when it is told to, and goes on with the next", async () => {
    const device = await open(DEAD);
    const aborter = new AbortController();
    const property = aProperty({ Register: "HoldingRegister", Offset: 0 });
    const reads = [1, 2].map(() => device.read(property, aCall(aborter.signal)));
    aborter.abort();
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: "ABORTED" });
    const other = await open();
    expect(await other.read(property, aCall())).toBe(0);
  });

  it("finds its slaves again after they were away", async () => {
    const property = aProperty({ Register: "HoldingRegister", Offset: 50 });
    const device = await open(1, SOON_MS);
    expect(await device.read(property, aCall())).toBe(0);
    const { port } = slaves;
    await slaves.kill();
    await expect(device.read(property, aCall())).rejects.toMatchObject({ name: "ModbusError" });
    slaves = await start(port);
    await slaves.set(1, "HoldingRegister", 50, [5]);
    let value: Value | undefined;
    for (const startMs = performance.now(); value !== 5 && performance.now() - startMs < 5_000;) {
      value = await Promise.resolve(device.read(property, aCall())).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(value).toBe(5);
  });
});
