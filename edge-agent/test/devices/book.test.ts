// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import type { BookEvent, DeviceBook } from "../../src/bus/port.ts";
import { startRoom, type Bench } from "./support/room.ts";
import { device, model } from "./support/objects.ts";

const open: Bench[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((bench) => bench.stop()));
});

async function start(): Promise<{ bench: Bench; book: DeviceBook; events: BookEvent[] }> {
  const bench = await startRoom();
  open.push(bench);
  bench.store.put(model());
  bench.store.put(device("20"));
  const events: BookEvent[] = [];
  const { book } = bench.room;
  book.subscribe((event) => void events.push(event));
  return { bench, book, events };
}

const report = (book: DeviceBook, property: string, sides: { expected?: string; actual?: string }): string =>
  book.reportTwins(
    "default/d1",
    new Map([
      [
        property,
        {
          ...(sides.expected !== undefined && {
            expected: { value: sides.expected, timestampMs: 5, isStamped: true },
          }),
          ...(sides.actual !== undefined && {
            actual: { value: sides.actual, timestampMs: 5, isStamped: true },
          }),
        },
      ],
    ]),
  );

describe("the book of devices", () => {
  it("lists devices with the twins that their Device names, typed by the model", async () => {
    const { book } = await start();
    expect(book.list()).toEqual([{ namespace: "default", name: "d1", description: "" }]);
    const twins = book.twins("default/d1");
    expect([...(twins?.keys() ?? [])]).toEqual(["temperature", "on"]);
    expect(twins?.get("temperature")).toMatchObject({ type: "int", expected: { value: "20" } });
    expect(twins?.get("on")).toEqual({ type: "boolean" });
    expect(book.twins("default/nobody")).toBeUndefined();
  });

  it("takes reports as a mapper's: reported, and expected as observed", async () => {
    const { bench, book, events } = await start();
    expect(report(book, "temperature", { actual: "21", expected: "22" })).toBe("taken");
    expect(book.twins("default/d1")?.get("temperature")).toEqual({
      type: "int",
      expected: { value: "22", timestampMs: 5 },
      actual: { value: "21", timestampMs: 5 },
    });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      kind: "twin",
      last: { expected: { value: "20" } },
      current: { actual: { value: "21" } },
    });
    const sent = bench.cloud.requests.find(({ resource }) => resource.endsWith("twin/edge_updated"));
    expect(sent?.content).toMatchObject({
      twin: { temperature: { expected: { value: "22" }, actual: { value: "21" } } },
    });
  });

  it("tells of a report of a mapper, once for each value that is another", async () => {
    const { bench, events } = await start();
    await bench.report("temperature", "30");
    await bench.report("temperature", "30");
    expect(events.map(({ kind }) => kind)).toEqual(["twin"]);
  });

  it("lets the cloud's newer wish take the place of what was expected here", async () => {
    const { bench, book, events } = await start();
    report(book, "temperature", { expected: "22" });
    bench.store.put(device("20"));
    expect(book.twins("default/d1")?.get("temperature")?.expected?.value).toBe("22");
    bench.store.put(device("25"));
    expect(book.twins("default/d1")?.get("temperature")?.expected?.value).toBe("25");
    expect(events.filter(({ kind }) => kind === "twin")).toHaveLength(2);
  });

  it("lets it also where nobody listened meanwhile, and forgets what was expected of another of the name", async () => {
    const bench = await startRoom();
    open.push(bench);
    bench.store.put(model());
    bench.store.put(device("20"));
    const { book } = bench.room;
    const expected = (): string | undefined => book.twins("default/d1")?.get("temperature")?.expected?.value;
    const stop = book.subscribe(() => undefined);
    report(book, "temperature", { expected: "22" });
    stop();
    expect(expected()).toBe("22");
    bench.store.put(device("25"));
    book.subscribe(() => undefined)();
    expect(expected()).toBe("25");
    report(book, "temperature", { expected: "23" });
    bench.store.remove("device/default/d1");
    bench.store.put(device("25", { uid: "other" }));
    expect(expected()).toBe("25");
  });

  it.each([
    ["another device", "default/d9", "temperature", "unknown device"],
    ["another property", "default/d1", "pressure", "unknown property"],
  ])("refuses %s", async (_what, key, property, verdict) => {
    const { book } = await start();
    expect(book.reportTwins(key, new Map([[property, { actual: { value: "1", timestampMs: 1 } }]]))).toBe(
      verdict,
    );
  });

  it("takes a state that there is, and no other", async () => {
    const { book } = await start();
    expect(book.reportState("default/d1", "sleepy")).toBe("invalid");
    expect(book.reportState("default/d9", "online")).toBe("unknown device");
    expect(book.reportState("default/d1", "online")).toBe("taken");
    expect(book.state("default/d1")).toBe("online");
  });

  it("tells of devices that come, change and go; another of the same name is another", async () => {
    const { bench, events } = await start();
    bench.store.put(device("1", { name: "d2" }));
    const labelled = device("1", { name: "d2" });
    bench.store.put({
      ...labelled,
      metadata: { ...labelled.metadata, labels: { description: "by the door" } },
    });
    bench.store.put(device("1", { name: "d2", uid: "other" }));
    bench.store.remove("device/default/d2");
    expect(
      events.filter(({ kind }) => kind !== "twin").map(({ kind, device: key }) => `${kind} ${key}`),
    ).toEqual([
      "added default/d2",
      "updated default/d2",
      "removed default/d2",
      "added default/d2",
      "removed default/d2",
    ]);
  });
});
