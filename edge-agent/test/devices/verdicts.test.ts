// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import * as dmi from "@longshore/crds/dmi";
import type { EventFacts, EventSubject } from "../../src/events.ts";
import { until } from "../tunnel/fakes.ts";
import { FakeMapper } from "./support/fake-mapper.ts";
import { device, model } from "./support/objects.ts";
import { serveOneDevice, startRoom, type Bench } from "./support/room.ts";

let bench: Bench;
let mapper: FakeMapper;
let events: (EventSubject & EventFacts)[];

const OPTIONS = { probeMs: 30, unreachableAfterMs: 150 };

beforeEach(async () => {
  events = [];
  bench = await startRoom({
    callTimeoutMs: 200,
    options: OPTIONS,
    emit: (subject, event) => void events.push({ ...subject, ...event }),
  });
  mapper = new FakeMapper(bench.mapperPath);
});

afterEach(async () => {
  mapper.die();
  await bench.stop();
});

interface Told {
  readonly state: string;
  readonly reason?: string;
  readonly message?: string;
}

/** What the cloud was told of a device, as it reads it. */
const told = (name = "d1"): Told[] =>
  bench.cloud.requests
    .filter(({ resource }) => resource === `device/default/${name}/state/update`)
    .map(({ content }) => (JSON.parse(String(content)) as { device: Told }).device);
const isLast = (state: string, name = "d1"): boolean => told(name).at(-1)?.state === state;
const say = (state: string): Promise<unknown> =>
  bench.side.call(dmi.DeviceManagerService.reportDeviceStates, {
    deviceName: "d1",
    deviceNamespace: "default",
    state,
  });
const serve = async (): Promise<void> => {
  await serveOneDevice(bench, mapper);
  await say("online");
  await until(() => isLast("online"), "what its mapper says");
};
const lines = (word: string): string[] => bench.lines.filter((line) => line.includes(word));

describe("the state of a device whose mapper does not do what it shall", () => {
  it("is offline while its mapper is away, and then again what its mapper said last", async () => {
    await serve();
    mapper.die();
    await until(() => isLast("offline"), "that its mapper is away");
    mapper = new FakeMapper(bench.mapperPath);
    await mapper.listen();
    await until(() => isLast("online"), "that it is back");
    expect(lines("MapperUnreachable")).toHaveLength(1);
    expect(events.map(({ kind, name, type, reason }) => [kind, name, type, reason])).toEqual([
      ["Device", "d1", "Warning", "DeviceOffline"],
      ["Device", "d1", "Normal", "DeviceServed"],
    ]);
  });

  it("is unhealthy while a call about it hangs, and the others are served", async () => {
    await serve();
    let hangs = true;
    mapper.before = (_method, name) => (hangs && name === "d1" ? new Promise(() => undefined) : undefined);
    bench.store.put(device("25"));
    bench.store.put(device("1", { name: "d2" }));
    await until(() => mapper.devices.has("d2"), "the other device");
    await until(() => isLast("unhealthy"), "that it hangs");
    expect(isLast("unhealthy", "d2")).toBe(false);
    hangs = false;
    await until(() => mapper.desiredOf("d1", "temperature") === "25" && isLast("online"), "that it is well");
    expect(lines("MapperHung")).toHaveLength(1);
  });

  it("is unhealthy while its mapper refuses it, with the mapper's words", async () => {
    await serve();
    mapper.before = (method) => {
      if (method === "UpdateDevice") throw new Error("the register is taken");
    };
    bench.store.put(device("25"));
    await until(
      () => isLast("unhealthy") && lines("MapperRefuses").join().includes("the register is taken"),
      "that it is refused",
    );
    mapper.before = () => undefined;
    await until(() => isLast("online"), "that it is taken");
  });

  it("is what its mapper says while that goes on calling, though nobody answers at its socket", async () => {
    await serve();
    mapper.die();
    await until(() => isLast("offline"), "that its mapper is away");
    // It lives and calls, but nobody answers at its socket.
    await say("ok");
    await until(() => isLast("ok"), "what it says");
  });

  it("is told once more after a restart of the agent that ended the fault", async () => {
    await serve();
    mapper.die();
    await until(() => isLast("offline"), "that its mapper is away");
    await bench.stop();
    mapper = new FakeMapper(bench.mapperPath);
    await mapper.listen();
    bench.cloud.requests.length = 0;
    bench = await bench.restart();
    await until(() => isLast("online"), "what its mapper said before all that");
  });

  it("is not told again after a restart when nothing was wrong", async () => {
    await serve();
    await bench.stop();
    bench.cloud.requests.length = 0;
    bench = await bench.restart();
    bench.store.put(device("1", { name: "d2" }));
    await until(() => mapper.devices.has("d2"), "a later device");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(told()).toEqual([]);
  });
});

describe("a desired value that does not fit the model that is here", () => {
  it.each([
    { value: "hot", why: "is no INT" },
    { value: "101", why: "over the maximum" },
    { value: "-41", why: "under the minimum" },
  ])("$value is not handed to the mapper, which goes on with all else", async ({ value, why }) => {
    await serve();
    const [first = {}, second = {}] = device(value).spec?.properties ?? [];
    bench.store.put(device(value, { spec: { properties: [{ ...first, collectCycle: 7_000 }, second] } }));
    await until(() => isLast("unhealthy"), "the verdict");
    expect(lines("ValueInvalid").join()).toContain("temperature: ");
    expect(lines("ValueInvalid").join()).toContain(why);
    await until(() => mapper.desiredOf("d1", "temperature") === "", "the rest of the change");
    expect(mapper.devices.get("d1")?.spec?.properties[0]?.collectCycle).toBe(7_000n);
    bench.store.put(device("30"));
    await until(() => mapper.desiredOf("d1", "temperature") === "30" && isLast("online"), "a good value");
  });

  it("is left out of the answer to a registration, of a ReadOnly property too", async () => {
    bench.store.put(model());
    const [first = {}, second = {}] = device("20").spec?.properties ?? [];
    bench.store.put(
      device("20", { spec: { properties: [first, { ...second, desired: { value: "true" } }] } }),
    );
    const { deviceList } = await bench.register();
    const desired = deviceList[0]?.spec?.properties.map(({ name, desired }) => [name, desired?.value]);
    expect(desired).toEqual([
      ["temperature", "20"],
      ["on", ""],
    ]);
    await until(() => isLast("unhealthy"), "the verdict");
    expect(lines("ValueInvalid").join()).toContain("ReadOnly");
  });

  it("is judged anew when the model changes", async () => {
    await serve();
    bench.store.put(model("m", "10"));
    await until(() => isLast("unhealthy"), "the verdict");
    bench.store.put(model("m", "100"));
    await until(
      () => mapper.desiredOf("d1", "temperature") === "20" && isLast("online"),
      "that it fits again",
    );
  });
});

describe("many devices", () => {
  it("that come at once all reach their mapper, each told once", async () => {
    const count = 1_000;
    // With a deadline that a busy machine keeps: a call that passes it is made again.
    const patient = await startRoom();
    const mapperThere = new FakeMapper(patient.mapperPath);
    await patient.register();
    await mapperThere.listen();
    patient.store.put(model());
    for (let i = 0; i < count; i++) {
      patient.store.put(device("1", { name: `n${i}` }));
      if (i % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => mapperThere.devices.size === count, "all of them", 60_000);
    expect(mapperThere.calls.length).toBe(count + 1);
    mapperThere.die();
    await patient.stop();
  }, 120_000);
});
