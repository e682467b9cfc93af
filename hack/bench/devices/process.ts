// SPDX-License-Identifier: Apache-2.0
// A mapper of very many devices, in a process of its own so that its work is not counted as the agent's.
import { DeviceManagerService, DeviceStatus } from "@longshore/crds/dmi";
import { serveEmpty, UnaryClient } from "./grpc.ts";
import { EMPTY, NAMESPACE, PROPERTIES, type Order, type Progress } from "./messages.ts";

const TELL_MS = 100;
const TICK_MS = 10;

let progress: Progress = EMPTY;
let client: UnaryClient | undefined;
let timer: NodeJS.Timeout | undefined;
let counter = 0;

async function register({ socket, agent, protocol }: Order & { do: "register" }): Promise<void> {
  await serveEmpty(socket, (path) => {
    if (path.endsWith("/RegisterDevice")) progress = { ...progress, devices: progress.devices + 1 };
  });
  client = new UnaryClient(agent);
  const mapper = { name: "load", version: "v1", apiVersion: "v1.0.0", protocol, state: "ok" };
  const status = await client.call(DeviceManagerService.mapperRegister, {
    withData: false,
    mapper: { ...mapper, address: Buffer.from(socket) },
  });
  if (status !== "0") throw new Error(`not registered: ${status}`);
  progress = { ...progress, isRegistered: true };
}

/** The value is the time, so that whoever reads it knows how old it is. */
async function report(deviceName: string): Promise<void> {
  const metadata = { timestamp: String(Date.now()), type: "int" };
  counter += 1;
  const value = String(counter);
  const twins = PROPERTIES.map((propertyName) => ({
    propertyName,
    observedDesired: { value: "", metadata: { type: "int" } },
    reported: { value, metadata },
  }));
  const status = await client
    ?.call(DeviceManagerService.reportDeviceStatus, {
      ...{ deviceName, deviceNamespace: NAMESPACE },
      reportedDevice: DeviceStatus.create({ twins }),
    })
    .catch(() => "lost");
  const isTaken = status === "0";
  const { taken, refused } = progress;
  progress = { ...progress, taken: taken + (isTaken ? 1 : 0), refused: refused + (isTaken ? 0 : 1) };
}

function load({ devices, periodMs }: Order & { do: "load" }): void {
  const startMs = performance.now();
  let sent = 0;
  timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) * devices.length) / periodMs);
    for (; sent < due; sent += 1) void report(devices[sent % devices.length] ?? "");
  }, TICK_MS);
}

process.on("message", (order: Order) => {
  clearInterval(timer);
  if (order.do === "register") void register(order);
  else if (order.do === "load") load(order);
  else if (order.do === "report") void report(order.device);
  else if (order.do === "stop") process.exit(0);
});
setInterval(() => process.send?.(progress), TELL_MS);
