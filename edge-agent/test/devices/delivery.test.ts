// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { MapperRegisterRequest } from "@longshore/crds/dmi";
import type { DmiHandlers } from "../../src/dmi/port.ts";
import { StoreError } from "../../src/store/port.ts";
import { fakeClock, until } from "../tunnel/fakes.ts";
import { FakeMapper, plain } from "./support/fake-mapper.ts";
import { MemoryRecords, MemoryStore } from "./support/memory.ts";
import { device, model } from "./support/objects.ts";
import { serveOneDevice, startRoom, type Bench } from "./support/room.ts";

let bench: Bench;
let mapper: FakeMapper;

beforeEach(async () => {
  bench = await startRoom();
  mapper = new FakeMapper(bench.mapperPath);
});

afterEach(async () => {
  mapper.die();
  await bench.stop();
});

const serve = (): Promise<void> => serveOneDevice(bench, mapper);
const restart = async (): Promise<void> => {
  await bench.stop();
  bench = await bench.restart();
};
/** Everything that was begun is done: a later device has arrived behind it. */
const settled = async (): Promise<void> => {
  bench.store.put(device("0", { name: "probe" }));
  await until(() => mapper.devices.has("probe"), "the probe at the mapper");
  mapper.calls.length = 0;
};
const d2 = (): ReturnType<typeof device> => device("1", { name: "d2" });

describe("delivery to a mapper", () => {
  it("gives only the devices and models of its protocol", async () => {
    bench.store.put(model());
    bench.store.put(device());
    const protocol = { protocolName: "other", configData: {} };
    bench.store.put(device("1", { name: "d2", spec: { protocol } }));
    const { deviceList, modelList } = await bench.register({ protocol: "other" });
    expect([deviceList.map(({ name }) => name), modelList.map(({ name }) => name)]).toEqual([["d2"], ["m"]]);
  });

  it("lets the device's settings win over its model's", async () => {
    const shared = model();
    const properties = (shared.spec?.properties ?? []).map((property) => ({
      ...property,
      visitors: { protocolName: "thermo", configData: { register: "coil", unit: 7 } },
    }));
    bench.store.put({
      ...shared,
      spec: { ...shared.spec, properties, protocolConfigData: { host: "10.9.9.9", retries: 3 } },
    });
    bench.store.put(device());
    const { deviceList } = await bench.register();
    expect(plain(deviceList)).toMatchObject([
      {
        spec: {
          protocol: { configData: { data: { host: "10.0.0.9", port: 502, retries: 3, unitId: 1 } } },
          properties: [
            { visitors: { configData: { data: { register: "holding", offset: 2, unit: 7 } } } },
            { visitors: { configData: { data: { register: "coil", offset: 0, unit: 7 } } } },
          ],
        },
      },
    ]);
  });

  it("tells a mapper that registered without data by calls, the model first", async () => {
    bench.store.put(device());
    bench.store.put(model());
    await mapper.listen();
    expect(await bench.register({ withData: false })).toEqual({ modelList: [], deviceList: [] });
    await until(() => mapper.devices.has("d1"), "the device at the mapper");
    expect(mapper.methods()).toEqual(["CreateDeviceModel m", "RegisterDevice d1"]);
  });

  it("waits with a device until its model is there", async () => {
    await bench.register();
    await mapper.listen();
    bench.store.put(device());
    await until(() => bench.lines.join().includes("ModelMissing"), "why it waits");
    bench.store.put(model());
    await until(() => mapper.devices.has("d1"), "the device at the mapper");
    expect(mapper.methods()).toEqual(["CreateDeviceModel m", "RegisterDevice d1"]);
  });

  it("tells a changed desired value once, and an unchanged device never", async () => {
    await serve();
    bench.store.put(device("25"));
    bench.store.put(device("25"));
    await until(() => mapper.desiredOf("d1", "temperature") === "25", "the new value");
    bench.store.put({ ...device("25"), status: { reportCycle: 1 } });
    await settled();
    bench.store.put(device("25"));
    bench.store.put(d2());
    await until(() => mapper.devices.has("d2"), "a later device");
    expect(mapper.methods()).toEqual(["RegisterDevice d2"]);
  });

  it("moves a device to the mapper of its new protocol", async () => {
    await serve();
    const protocol = { protocolName: "other", configData: {} };
    bench.store.put(device("20", { spec: { protocol } }));
    await until(() => mapper.models.size === 0, "the removal here");
    expect(mapper.methods().slice(-2)).toEqual(["RemoveDevice d1", "RemoveDeviceModel m"]);
    expect((await bench.register({ protocol: "other" })).deviceList).toHaveLength(1);
  });

  it("does not send a device with a nested setting, says why once, and leaves it as the mapper has it", async () => {
    await serve();
    const protocol = { protocolName: "thermo", configData: { list: [1] } };
    bench.store.put(device("99", { spec: { protocol } }));
    bench.store.put(device("98", { spec: { protocol } }));
    bench.store.put(d2());
    await until(() => mapper.devices.has("d2"), "the other device");
    expect(mapper.desiredOf("d1", "temperature")).toBe("20");
    const why = (): string[] => bench.lines.filter((line) => line.includes("spec.protocol.configData.list"));
    await until(() => why().length > 0, "the reason in the log");
    expect(await bench.metric("longshore_edge_devices", { state: "faulty" })).toBe(1);
    bench.store.put(device("30"));
    await until(() => mapper.desiredOf("d1", "temperature") === "30", "the corrected device");
    expect(why()).toHaveLength(1);
  });

  it("does not let a device that the mapper refuses hold up another, and tries it again", async () => {
    await serve();
    let refusals = 0;
    mapper.before = (_method, name) => {
      if (name === "d2" && refusals++ === 0) throw new Error("the bus is busy");
    };
    bench.store.put(d2());
    bench.store.put(device("1", { name: "d3" }));
    await until(() => mapper.devices.has("d3"), "the other device");
    expect(mapper.devices.has("d2")).toBe(false);
    await until(() => mapper.devices.has("d2"), "the refused device, again");
    expect(
      await bench.metric("longshore_edge_mapper_calls_total", { call: "put_device", result: "refused" }),
    ).toBe(1);
  });

  it("takes the removal of what the mapper does not have for done", async () => {
    await serve();
    mapper.devices.clear();
    bench.store.remove("device/default/d1");
    await until(() => mapper.models.size === 0, "the model's removal behind it");
    expect(mapper.methods().filter((call) => call === "RemoveDevice d1")).toHaveLength(1);
  });

  it("gives a mapper that forgot a device what it has not", async () => {
    await serve();
    mapper.before = (method) => {
      if (method === "UpdateDevice") throw new Error("device not found");
    };
    mapper.devices.clear();
    bench.store.put(device("40"));
    await until(() => mapper.desiredOf("d1", "temperature") === "40", "the device, registered anew");
  });
});

describe("a mapper that goes away", () => {
  it("is told what changed meanwhile as soon as it answers again", async () => {
    await serve();
    mapper.die();
    bench.store.put(device("25"));
    await until(() => bench.lines.some((line) => line.includes("cannot be told")), "the outage in the log");
    await mapper.listen();
    await until(() => mapper.desiredOf("d1", "temperature") === "25", "the new value");
    expect(mapper.methods().slice(2)).toEqual(["UpdateDevice d1"]);
  });

  it("gets everything again when it comes back as a new process", async () => {
    await serve();
    mapper.die();
    bench.store.put(device("25"));
    const response = await bench.register();
    expect(response.deviceList.map(({ spec }) => spec?.properties[0]?.desired?.value)).toEqual(["25"]);
    mapper.adopt(response);
    await mapper.listen();
    await settled();
    bench.store.put(device("26"));
    await until(() => mapper.desiredOf("d1", "temperature") === "26", "a later value");
    expect(mapper.methods()).toEqual(["UpdateDevice d1"]);
  });

  it("is replaced by another one of its protocol at another address", async () => {
    await serve();
    const other = `${bench.mapperPath}x`;
    await bench.register({ address: other });
    expect(bench.records.get("device-mappers", "thermo")).toMatchObject({ address: other, life: 2 });
  });

  it("counts nothing as told that its registration did not wait for", async () => {
    let handlers: DmiHandlers | undefined;
    const openServer = (_options: unknown, given: DmiHandlers) => {
      handlers = given;
      return Promise.resolve({ stop: () => Promise.resolve() });
    };
    const own = await startRoom({ openServer });
    const there = new FakeMapper(own.mapperPath);
    own.store.put(model());
    own.store.put(device());
    const info = { name: "m", protocol: "thermo", address: Buffer.from(own.mapperPath) };
    const request = MapperRegisterRequest.create({ withData: true, mapper: info });
    await handlers?.mapperRegister(request, { isCancelled: () => true });
    await there.listen();
    await until(() => there.devices.has("d1"), "the device, by calls");
    there.die();
    await own.stop();
  });
});

describe("an agent that restarts", () => {
  it("dials the mappers that it knows, tells nothing twice, and what changed once", async () => {
    await serve();
    await settled();
    await bench.stop();
    bench.store.put(device("25"));
    bench = await bench.restart();
    await until(
      () => mapper.desiredOf("d1", "temperature") === "25",
      "the value that came while it was down",
    );
    await settled();
    await restart();
    await settled();
    expect(mapper.devices.size).toBe(2);
  });

  it("removes what was deleted while it was down", async () => {
    await serve();
    await bench.stop();
    bench.store.remove("device/default/d1");
    bench = await bench.restart();
    await until(() => mapper.models.size === 0, "the removals");
    expect(mapper.devices.size).toBe(0);
  });

  it("goes on telling when its disk fails for a while, and records it later", async () => {
    await serve();
    let fails = true;
    bench.records.onWrite = () => {
      if (fails) throw new StoreError("FULL", "no room");
    };
    bench.store.put(device("25"));
    await until(() => bench.lines.some((line) => line.includes("cannot be told")), "the failure in the log");
    expect(mapper.desiredOf("d1", "temperature")).toBe("20");
    fails = false;
    await until(() => mapper.desiredOf("d1", "temperature") === "25", "the value");
  });
});

/** Writes to disk until the k-th, and none from then on: what a kill -9 at that write leaves. */
class DyingRecords extends MemoryRecords {
  dead = false;
  constructor(after: number) {
    super();
    let left = after;
    this.onWrite = () => {
      if (left-- > 0) return;
      this.dead = true;
      throw new StoreError("IO", "the agent is dead");
    };
  }
  revive(): void {
    this.onWrite = () => undefined;
  }
}

/** A device is made, changed, and another comes and goes; each step when the one before is seen, or the agent is dead. */
async function live(there: FakeMapper, store: MemoryStore, isDead: () => boolean): Promise<void> {
  const steps: [() => void, () => boolean][] = [
    [() => store.put(model()), () => true],
    [() => store.put(device("20")), () => there.devices.has("d1")],
    [() => store.put(device("25")), () => there.desiredOf("d1", "temperature") === "25"],
    [() => store.put(d2()), () => there.devices.has("d2")],
    [() => store.remove("device/default/d2"), () => !there.devices.has("d2")],
  ];
  for (const [step, isSeen] of steps) {
    step();
    await until(() => isDead() || isSeen(), step.toString());
  }
}

/** How often the last that d1's mapper was told of it was told. */
function lastTold(there: FakeMapper): number {
  const isPut = (method: string): boolean => /Register|Update/.test(method);
  const told = there.calls.filter(({ method, name }) => name === "d1" && isPut(method));
  const texts = told.map(({ request }) => JSON.stringify(plain(request)));
  return texts.filter((text) => text === texts.at(-1)).length;
}

describe("an agent that is killed", () => {
  // Mapper, model, device, change, removal: each with the write before its call and the one after.
  it.each(Array.from({ length: 12 }, (_, k) => k))(
    "I1 I4 at its write %i leaves the mapper with what is wanted and no value told more than once too often",
    async (k) => {
      const records = new DyingRecords(k);
      const store = new MemoryStore();
      let own = await startRoom({ records, store });
      const there = new FakeMapper(own.mapperPath);
      await there.listen();
      await own.register().catch(() => undefined);
      await live(there, store, () => records.dead);
      await own.stop();
      records.revive();

      store.put(device("25"));
      store.remove("device/default/d2");
      own = await own.restart();
      // A mapper whose registration failed ends, and its next process registers.
      if (records.get("device-mappers", "thermo") === undefined) there.adopt(await own.register());
      await until(
        () => there.desiredOf("d1", "temperature") === "25" && !there.devices.has("d2"),
        "convergence",
      );
      store.put(device("0", { name: "probe" }));
      await until(() => there.devices.has("probe"), "the probe behind it");
      expect(lastTold(there)).toBeLessThanOrEqual(2);
      there.die();
      await own.stop();
    },
  );
});

describe("the socket", () => {
  it("that cannot be opened is told once, tried again, and keeps nothing else from working", async () => {
    let attempts = 0;
    const clock = fakeClock();
    const openServer = () => Promise.reject(new Error(`attempt ${++attempts}`));
    const own = await startRoom({ openServer, clock });
    for (let i = 0; i < 5; i++) {
      clock.advance(60_000);
      await Promise.resolve().then(() => Promise.resolve());
    }
    expect(attempts).toBeGreaterThan(3);
    expect(own.lines.filter((line) => line.includes("not open"))).toHaveLength(1);
    expect(await own.metric("longshore_edge_dmi_open", {})).toBe(0);
    await own.stop();
  });
});
