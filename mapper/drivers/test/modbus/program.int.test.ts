// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ConfigData } from "@longshore/mapper";
import { createTestEdge, dialMapper, type TestEdge } from "../../../test/support/edge.ts";
import { dmiDevice, type DmiProperty } from "../support/dmi.ts";
import { startSlaves, type TestSlaves } from "../support/modbus-slave.ts";
import { run, until, type Program } from "../support/process.ts";
import { startLine, type TestLine } from "../support/pty.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const DEVICES = 10;
const CYCLE_MS = 1_000;
const MAX_RSS_MB = 70;
/** As docs/mappers/modbus.md tells it: no compiled code, for a mapper does little and has long to do it. */
const SMALL = ["--lite-mode", "--max-semi-space-size=1", "--no-node-snapshot"];
const BUILD = 'await (await import("./hack/build.ts")).buildPrograms(["modbus-mapper"]);';

/** Resident memory of a process, MB of 1,000,000 bytes. */
function rssMb(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return (Number(kib) * 1024) / 1e6;
}

const PROPERTIES: readonly DmiProperty[] = [1, 2, 3, 4, 5].map((i) => ({
  name: `register-${i}`,
  type: "INT",
  config: { Register: "HoldingRegister", Offset: i },
}));

describe("the program modbus-mapper", () => {
  let dir: string;
  let edge: TestEdge;
  let line: TestLine;
  const slaves: TestSlaves[] = [];
  let program: Program | undefined;

  beforeAll(async () => {
    execFileSync(process.execPath, ["--conditions=source", "--input-type=module", "-e", BUILD], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    dir = mkdtempSync(join(tmpdir(), "modbus-"));
    chmodSync(dir, 0o700);
    line = await startLine(dir);
    const units = Array.from({ length: DEVICES }, (_, i) => i + 1);
    slaves.push(await startSlaves({ tcp: true }, units), await startSlaves({ serial: line.ends[1] }, units));
    edge = createTestEdge(join(dir, "dmi.sock"));
    await edge.start();
  }, 60_000);
  afterAll(async () => {
    await program?.kill();
    edge.crash();
    for (const slave of slaves) await slave.kill();
    await line.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  it(`runs ${DEVICES} devices over TCP in ${MAX_RSS_MB} MB, and then one on a serial line, and stops`, async () => {
    const device = (name: string, config: ConfigData) =>
      dmiDevice(name, { name: "modbus", config }, PROPERTIES, CYCLE_MS);
    const made = Array.from({ length: DEVICES }, (_, i) =>
      device(`tcp-${i}`, { IP: "127.0.0.1", Port: slaves[0]?.port ?? 0, SlaveID: i + 1 }),
    );
    edge.set = { devices: made.map((each) => each.device), models: made.map((each) => each.model) };
    const args = ["--dmi-socket", join(dir, "dmi.sock"), "--socket", join(dir, "modbus.sock"), "--http", ""];
    program = run("env", [
      ...["NODE_OPTIONS=", "MODBUS_SERIAL_PORTS=/dev/pts/", process.execPath, ...SMALL],
      ...[join(ROOT, "dist/modbus-mapper.js"), ...args],
    ]);
    program.child.stdout.resume();
    const isReported = (name: string, times: number): boolean =>
      edge.reports.filter(({ deviceName }) => deviceName === name).length >= times;
    await until(
      () => made.every(({ device: { name } }) => isReported(name, 40)),
      "forty reports of each",
      90_000,
    );
    const overTcp = rssMb(program.child.pid ?? 0);
    process.stdout.write(`modbus-mapper, ${DEVICES} TCP devices: ${overTcp.toFixed(1)} MB\n`);
    expect(overTcp).toBeLessThan(MAX_RSS_MB);

    const serial = device("serial", { SerialPort: line.ends[0], SlaveID: 3, BaudRate: 19200 });
    const side = dialMapper(join(dir, "modbus.sock"));
    await side.createDeviceModel({ model: serial.model });
    await side.registerDevice({ device: serial.device });
    await until(() => isReported("serial", 1), "a report of the device on the serial line", 20_000);
    side.close();
    const ended = new Promise((resolve) => program?.child.once("exit", resolve));
    program.child.kill("SIGTERM");
    expect(await ended).toBe(0);
  }, 120_000);
});
