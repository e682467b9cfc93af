import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { createLog, type CallContext, type Device, type Property } from "@longshore/mapper";
import { lampMapper } from "../src/lamp.ts";
import { startLamp } from "./simulator.ts";

const brightness: Property = { name: "brightness", type: "INT", writable: true, unit: "%", config: {} };
const context = (signal = AbortSignal.timeout(5_000)): CallContext => ({
  signal,
  deadlineMs: Date.now() + 5_000,
  log: createLog({ level: "error", write: () => undefined }),
});
const lampAt = (server: Server): Device => ({
  ...{ id: "default/lamp", namespace: "default", name: "lamp", model: "lamp" },
  ...{ config: { port: (server.address() as AddressInfo).port }, properties: [brightness], streams: [] },
});

await test("a lamp shows the brightness that it was set to", async () => {
  const server = await startLamp(0);
  const handle = await lampMapper.driver.open(lampAt(server), context());
  assert.equal(await handle.read(brightness, context()), 20);
  await handle.write?.(brightness, 70, context());
  assert.equal(await handle.read(brightness, context()), 70);
  await handle.close?.(context());
  server.close();
  await once(server, "close");
});

await test("a lamp that is not there does not open", async () => {
  const server = await startLamp(0);
  const gone = lampAt(server);
  server.close();
  await assert.rejects(async () => lampMapper.driver.open(gone, context()));
  await assert.rejects(async () => lampMapper.driver.open(gone, context(AbortSignal.abort())));
});

await test("a lamp that breaks off fails the next reading, and nothing else", async () => {
  const server = createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const handle = await lampMapper.driver.open(lampAt(server), context());
  await assert.rejects(async () => handle.read(brightness, context()));
  await assert.rejects(async () => handle.read(brightness, context()));
  server.close();
});

await test("an answer that comes too late is not taken for the next one", async () => {
  const server = createServer((socket) => socket.resume()); // takes every question and answers none
  await once(server.listen(0, "127.0.0.1"), "listening");
  const [accepted, handle] = await Promise.all([
    once(server, "connection"),
    lampMapper.driver.open(lampAt(server), context()),
  ]);
  const [socket] = accepted as [Socket];
  const soon = AbortSignal.timeout(50);
  await assert.rejects(async () => handle.read(brightness, context(soon)));
  const next = assert.rejects(async () => handle.read(brightness, context()));
  socket.write("20\n");
  await next;
  await handle.close?.(context());
  server.close();
});
