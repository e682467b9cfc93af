// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { FakeCloud, MemoryRecords, MemoryStore } from "../fakes.ts";
import { createObjects } from "../../../src/pods/cloud/objects.ts";
import { HandClock } from "../hand-clock.ts";

describe("ConfigMaps and Secrets", () => {
  const make = () => {
    const [store, records, cloud, clock] = [
      new MemoryStore(),
      new MemoryRecords(),
      new FakeCloud(),
      new HandClock(),
    ] as const;
    return {
      store,
      records,
      cloud,
      clock,
      objects: createObjects({ store, records, uplink: cloud, clock, queryTimeoutMs: 1 }),
    };
  };
  const cm = (v: string) => ({ metadata: { name: "cm" }, data: { v } });

  it("come from the store, else from the cloud, and offline from what it answered last", async () => {
    const { store, cloud, objects } = make();
    cloud.objects["default/configmap/cm"] = cm("asked");
    const get = () => objects.of("default").get("configmap", "cm");
    expect(await get()).toMatchObject({ data: { v: "asked" } });
    expect(await get()).toMatchObject({ data: { v: "asked" } });
    expect(cloud.requests).toEqual([{ operation: "query", resource: "default/configmap/cm", content: null }]);
    cloud.setConnected(false);
    expect(await get()).toMatchObject({ data: { v: "asked" } });
    store.put("configmap", cm("pushed"));
    expect(await get()).toMatchObject({ data: { v: "pushed" } });
  });
  it("are asked for again after ten minutes, and forgotten when the cloud says that they are gone", async () => {
    const { cloud, clock, objects, records } = make();
    cloud.objects["default/configmap/cm"] = cm("1");
    await objects.of("default").get("configmap", "cm");
    await clock.advance(600_000);
    cloud.objects = {};
    expect(await objects.of("default").get("configmap", "cm")).toBeUndefined();
    expect(records.list("pods/queried")).toEqual([]);
  });
  describe("that the cloud does not have", () => {
    const SECOND_MS = 1_000;
    const looks = async (t: ReturnType<typeof make>, seconds: number): Promise<number> => {
      const before = t.cloud.requests.length;
      for (let i = 0; i < seconds; i++) {
        await t.objects
          .of("default")
          .get("secret", "s")
          .catch(() => undefined);
        await t.clock.advance(SECOND_MS);
      }
      return t.cloud.requests.length - before;
    };
    const refuse = () => ({ operation: "error", content: "secret not granted" });

    it.each([
      ["do not exist", () => undefined],
      ["it refuses", refuse],
    ])("are asked for with pauses that double up to a minute, when they %s", async (_title, answer) => {
      const t = make();
      t.cloud.answer = answer;
      // after 0, 2, 6, 14, 30 and 62 s
      expect(await looks(t, 120)).toBe(6);
      expect(await looks(t, 120)).toBe(2);
    });
    it("say the same again during a pause", async () => {
      const t = make();
      const get = () => t.objects.of("default").get("secret", "s");
      expect([await get(), await get()]).toEqual([undefined, undefined]);
      await t.objects.drop("secret/default/s");
      t.cloud.answer = refuse;
      await expect(get()).rejects.toMatchObject({ code: "REFUSED" });
      await expect(get()).rejects.toMatchObject({ code: "REFUSED" });
      expect(t.cloud.requests).toHaveLength(2);
    });
    it.each<[string, (t: ReturnType<typeof make>) => unknown]>([
      ["a push that was taken back", (t) => t.objects.drop("secret/default/s")],
      ["a connect", (t) => t.objects.askAgain()],
    ])("are asked for at once after %s", async (_title, happen) => {
      const t = make();
      await looks(t, 60);
      await happen(t);
      expect(await looks(t, 1)).toBe(1);
    });
    it("count one miss of several pods that ask at the same time", async () => {
      const t = make();
      const get = () => t.objects.of("default").get("secret", "s");
      await Promise.all([get(), get(), get()]);
      await t.clock.advance(2_000);
      expect(await looks(t, 1)).toBe(1);
    });
    it("are remembered only while a pod uses them", async () => {
      const t = make();
      await looks(t, 1);
      await t.objects.retain(() => false);
      expect(await looks(t, 1)).toBe(1);
    });
  });
  it("say unreachable when nobody can tell", async () => {
    const { cloud, objects } = make();
    cloud.setConnected(false);
    await expect(objects.of("default").get("secret", "s")).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});
