// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startSlaves } from "../../../mapper/drivers/test/support/modbus-slave.ts";
import { buildPrograms } from "../../build.ts";
import { startMapper, startMapperProgram } from "../../cluster/mapper.ts";
import type { DeviceStatusObject } from "../../cluster/objects.ts";
import { logOf, stopProcess } from "../../cluster/processes.ts";
import { at, instance, model } from "../../e2e/device-manifests.ts";
import { device, deviceModel } from "../../e2e/manifests.ts";
import { waitFor } from "../../wait.ts";
import type { Figure } from "../bars.ts";
import type { Stage } from "../stage.ts";
import { usageOf } from "../usage.ts";

const NAMESPACE = "default";
const ROOM = "room";
const WISHES = 60;
const GAP_MS = 400;
const READY_MS = 60_000;

const MODBUS = "mapper-modbus";
const MODBUS_DEVICES = 10;
const REGISTERS = 5;
const SETTLE_MS = 60_000;

/** From a write of the Device to the call of the driver's `write`, one after the other. */
export async function measureDesired({ layout, kubectl, cluster, node, say }: Stage): Promise<Figure[]> {
  await startMapper(layout);
  await kubectl.apply(deviceModel(NAMESPACE));
  await kubectl.apply(device({ namespace: NAMESPACE, name: ROOM, node }));
  await untilOnline(kubectl, ROOM);
  const written = writesIn(logOf(layout, "mapper"));
  const timesMs: number[] = [];
  for (let i = 0; i < WISHES; i += 1) {
    await sleep(GAP_MS);
    const value = 30 + (i % 50);
    const startedMs = Date.now();
    await cluster.desire(NAMESPACE, ROOM, { index: 1, value: String(value) });
    const line = await waitFor(() => written().find(({ target }) => target === value), {
      ...{ what: `the write of ${value}`, timeoutMs: 30_000, intervalMs: 5 },
    });
    timesMs.push(line.time - startedMs);
  }
  await kubectl.run("delete", "device", ROOM);
  await stopProcess(layout, "mapper");
  const sorted = timesMs.toSorted((a, b) => a - b);
  say(`writes after ${sorted.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
  return [
    { name: "device.desired_p50_ms", value: quantile(0.5) },
    { name: "device.desired_p99_ms", value: quantile(0.99) },
  ];
}

/** What the Modbus mapper takes with ten devices of five registers, read and reported each second. */
export async function measureMapper({ layout, kubectl, node, say }: Stage): Promise<Figure[]> {
  const units = Array.from({ length: MODBUS_DEVICES }, (_, i) => i + 1);
  const slaves = await startSlaves({ tcp: true }, units);
  try {
    await buildPrograms(["modbus-mapper"]);
    await startMapperProgram(layout, { name: MODBUS, program: "modbus-mapper", args: ["--http="] });
    const registers = Array.from({ length: REGISTERS }, (_, i) => `register-${i}`);
    const reading = { accessMode: "ReadOnly" };
    const properties = Object.fromEntries(registers.map((name) => [name, reading]));
    await kubectl.apply(model({ namespace: NAMESPACE, name: "modbus", protocol: "modbus", properties }));
    const names = Array.from({ length: MODBUS_DEVICES }, (_, i) => `modbus-${i}`);
    for (const [i, name] of names.entries())
      await kubectl.apply(
        instance({
          ...{ namespace: NAMESPACE, name, node, model: "modbus", protocol: "modbus" },
          configData: { IP: "127.0.0.1", Port: slaves.port, SlaveID: i + 1 },
          properties: Object.fromEntries(
            registers.map((register, offset) => [
              register,
              {
                ...{ collectCycle: 1_000, reportCycle: 1_000 },
                ...at("modbus", { Register: "HoldingRegister", Offset: offset }),
              },
            ]),
          ),
        }),
      );
    for (const name of names) await untilOnline(kubectl, name);
    say(`${MODBUS_DEVICES} devices for ${SETTLE_MS / 1000} s`);
    const before = usageOf(layout, MODBUS);
    await sleep(SETTLE_MS);
    const after = usageOf(layout, MODBUS);
    say(
      `the mapper takes ${(((after.cpuSeconds - before.cpuSeconds) * 100_000) / SETTLE_MS).toFixed(1)} % of a core`,
    );
    await kubectl.run("delete", "device", ...names);
    return [{ name: "mapper.rss_mb_10_modbus", value: after.rssMb }];
  } finally {
    await slaves.kill();
    await stopProcess(layout, MODBUS, { forget: true });
  }
}

const untilOnline = (kubectl: Stage["kubectl"], name: string): Promise<true> =>
  waitFor(
    async () => {
      const found = await kubectl.find<DeviceStatusObject>("devicestatus", "-n", NAMESPACE, name);
      return found?.status?.state === "online" ? true : undefined;
    },
    { what: `device ${name} to be online`, timeoutMs: READY_MS, intervalMs: 200 },
  );

interface WriteLine {
  readonly msg: string;
  readonly time: number;
  readonly target: number;
}

/** What the thermometer has told of writes since its log was this long. */
function writesIn(path: string): () => readonly WriteLine[] {
  let from = statSync(path).size;
  return () => {
    const bytes = readFileSync(path).subarray(from);
    const end = bytes.lastIndexOf("\n") + 1;
    from += end;
    return bytes
      .subarray(0, end)
      .toString()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as WriteLine)
      .filter(({ msg }) => msg === "target set");
  };
}
