import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createLog, type CallContext, type Device, type Property } from "@longshore/mapper";
import { lampMapper } from "../src/lamp.ts";
import { startLamp } from "./simulator.ts";

const brightness: Property = { name: "brightness", type: "INT", writable: true, unit: "%", config: {} };
const context: CallContext = {
  signal: AbortSignal.timeout(5_000),
  deadlineMs: Date.now() + 5_000,
  log: createLog({ level: "error", write: () => undefined }),
};

await test("a lamp shows the brightness that it was set to", async () => {
  const server = await startLamp(0);
  const { port } = server.address() as AddressInfo;
  const device: Device = {
    ...{ id: "default/lamp", namespace: "default", name: "lamp", model: "lamp", config: { port } },
    ...{ properties: [brightness], streams: [] },
  };
  const handle = await lampMapper.driver.open(device, context);
  assert.equal(await handle.read(brightness, context), 20);
  await handle.write?.(brightness, 70, context);
  assert.equal(await handle.read(brightness, context), 70);
  await handle.close?.(context);
  server.close();
  await once(server, "close");
});
