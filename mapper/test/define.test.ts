// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineMapper, type CallContext, type Mapper } from "@longshore/mapper";
import { createTestEdge, type TestEdge } from "./support/edge.ts";
import { aDevice, aLog, aModel } from "./support/gen.ts";

/** Real sockets and real time: waits for what must come, and fails when it does not. */
async function until(isTrue: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

interface Lamp {
  brightness: number;
}
const lamps = defineMapper<Lamp>({
  protocol: "virtual",
  open: () => ({ brightness: 0 }),
  read: ({ brightness }) => brightness,
  write: (lamp, _, value) => void (lamp.brightness = Number(value)),
  methods: {
    dim: (lamp, { value }) => {
      lamp.brightness -= Number(value);
      return lamp.brightness;
    },
  },
});

describe("a defined mapper", () => {
  let dir: string;
  let edge: TestEdge;
  let mapper: Mapper;
  let server: Server;
  const posted: string[] = [];
  const never = new AbortController().signal;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "define-"));
    posted.length = 0;
    server = createServer((request, response) => {
      request.on("data", (chunk: Buffer) => posted.push(chunk.toString()));
      request.on("end", () => response.end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    edge = createTestEdge(join(dir, "dmi.sock"));
    await edge.start();
    const dmiSocket = join(dir, "dmi.sock");
    mapper = lamps.create({ address: join(dir, "m.sock"), dmiSocket, log: aLog(), env: {} });
    await mapper.start();
  });
  afterEach(async () => {
    await mapper.stop();
    edge.crash();
    server.close();
    server.closeAllConnections();
    rmSync(dir, { recursive: true, force: true });
  });
  const give = async (change: Parameters<typeof aDevice>[0]): Promise<void> => {
    edge.set = { models: [aModel()], devices: [aDevice(change)] };
    edge.crash();
    await edge.start();
    await until(() => mapper.devices().length === 1, "the device");
  };

  it("is named after its protocol, and registers so", async () => {
    await until(() => edge.registrations.length > 0, "registration");
    expect(edge.registrations[0]?.mapper).toMatchObject({ name: "virtual-mapper", version: "v0.0.0" });
  });

  it("A18 pushes to a server of the user, what it must at its end too, and nothing of it through the edge", async () => {
    const { port } = server.address() as AddressInfo;
    const pushMethod = { http: { hostname: "http://127.0.0.1", port: BigInt(port), requestpath: "/in" } };
    const target = { name: "target", desired: { value: "7" }, reportCycle: 100n, pushMethod };
    await give({ properties: [{ ...target, reportToCloud: false }] });
    await until(() => posted.length >= 3, "pushes");
    await mapper.stop();
    expect(posted.at(-1)).toMatch(/^target=7&time=\d{4}-\d\d-\d\d/);
    expect(edge.reports).toHaveLength(0);
    const { offered, sent } = mapper.pushCounters();
    expect(sent).toBe(offered);
    expect(mapper.metrics()).toContain(`longshore_mapper_push_sent_total ${sent}\n`);
  });

  it("A19 carries out its methods, and writes for those that it does not have", async () => {
    const names = ["dim", "setValue"];
    await give({ methods: names.map((name) => ({ name, description: "", propertyNames: ["target"] })) });
    const call = (name: string, text: string) =>
      mapper.api.call("default/hall", { name, property: "target", text }, never);
    expect(await call("setValue", "70")).toBeUndefined();
    expect(await call("dim", "5")).toBe("65");
    expect(await mapper.api.read("default/hall", "target", never)).toMatchObject({
      type: "INT",
      value: "65",
    });
  });

  it("keeps what its author made of it: an object of a class is called as its own", async () => {
    class Author {
      readonly protocol = "p";
      readonly start: number = 5;
      open(): number {
        return this.start;
      }
      read(handle: number): number {
        return handle + this.start;
      }
      state(): "ok" {
        return this.start === 5 ? "ok" : ("bad" as "ok");
      }
    }
    const { driver } = defineMapper<number>(new Author());
    const context: CallContext = { signal: never, deadlineMs: 0, log: aLog() };
    const device = {
      id: "n/d",
      namespace: "n",
      name: "d",
      model: "m",
      config: {},
      properties: [],
      streams: [],
    };
    const handle = await driver.open(device, context);
    const property = { name: "x", type: "INT", writable: false, unit: "", config: {} } as const;
    expect(await handle.read(property, context)).toBe(10);
    expect(await handle.state?.(context)).toBe("ok");
    expect(Object.keys(handle).sort()).toStrictEqual(["read", "state"]);
  });
});
