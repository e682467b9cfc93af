// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { StoreError } from "../../src/store/port.ts";
import { until } from "../tunnel/fakes.ts";
import { FakeMapper } from "./support/fake-mapper.ts";
import { device, model } from "./support/objects.ts";
import { serveOneDevice, startRoom, type Bench } from "./support/room.ts";

let bench: Bench;
let mapper: FakeMapper;

beforeEach(async () => {
  bench = await startRoom({ callTimeoutMs: 300 });
  mapper = new FakeMapper(bench.mapperPath);
});

afterEach(async () => {
  mapper.die();
  await bench.stop();
});

const serve = (): Promise<void> => serveOneDevice(bench, mapper);

/** Holds one call back, before it has any effect. */
function hold(
  method: string,
  name: string,
): { readonly reached: () => boolean; readonly release: () => void } {
  let release: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  let isReached = false;
  mapper.before = (called, about) => {
    if (isReached || called !== method || about !== name) return undefined;
    isReached = true;
    return gate;
  };
  return { reached: () => isReached, release: () => release?.() };
}

describe("a call that hangs", () => {
  it("does not keep the other devices of its mapper waiting for ever", async () => {
    await serve();
    mapper.before = (_method, name) => (name === "d2" ? new Promise(() => undefined) : undefined);
    bench.store.put(device("1", { name: "d2" }));
    bench.store.put(device("1", { name: "d3" }));
    await until(() => mapper.devices.has("d3"), "the device behind the one that hangs");
    bench.store.remove("device/default/d1");
    await until(() => !mapper.devices.has("d1"), "a removal meanwhile");
  });

  it("whose device is deleted meanwhile is followed by its removal", async () => {
    await serve();
    const call = hold("RegisterDevice", "d2");
    bench.store.put(device("1", { name: "d2" }));
    await until(call.reached, "the call");
    bench.store.remove("device/default/d2");
    await until(() => bench.lines.some((line) => line.includes("does not answer")), "the end of patience");
    call.release();
    await until(() => mapper.devices.has("d2"), "its late effect");
    await until(() => !mapper.devices.has("d2"), "the removal");
  });
});

describe("a call that is under way while its mapper registers again", () => {
  it("cannot leave an older value behind", async () => {
    await serve();
    const call = hold("UpdateDevice", "d1");
    bench.store.put(device("25"));
    await until(call.reached, "the call with the older value");
    bench.store.put(device("30"));
    mapper.adopt(await bench.register());
    expect(mapper.desiredOf("d1", "temperature")).toBe("30");
    call.release();
    const updates = (): number => mapper.methods().filter((call) => call === "UpdateDevice d1").length;
    await until(() => updates() === 2, "a call behind the late one");
    await until(() => mapper.desiredOf("d1", "temperature") === "30", "the newest value");
  });

  it("cannot leave a device behind that is gone", async () => {
    await serve();
    const call = hold("RegisterDevice", "d2");
    bench.store.put(device("1", { name: "d2" }));
    await until(call.reached, "the call");
    bench.store.remove("device/default/d2");
    mapper.adopt(await bench.register());
    call.release();
    await until(() => mapper.methods().includes("RemoveDevice d2"), "a call behind the late one");
    await until(() => !mapper.devices.has("d2"), "the removal");
  });
});

describe("a registration that cannot be stored", () => {
  it("counts nothing as told, for its answer was an error", async () => {
    bench.store.put(model());
    bench.store.put(device());
    let failures = 1;
    bench.records.onWrite = (bucket) => {
      if (bucket !== "device-health" && failures-- > 0) throw new StoreError("IO", "the disk fails once");
    };
    await expect(bench.register()).rejects.toThrow("could not be stored");
    await mapper.listen();
    await until(() => mapper.devices.has("d1"), "the device, by calls");
  });
});
