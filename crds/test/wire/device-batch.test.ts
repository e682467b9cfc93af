// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  BATCH_CODES,
  decodeFrame,
  DEVICE_BATCH_LIMITS,
  DEVICE_BATCH_RESOURCE,
  encodeFrame,
  newFrame,
  parseResource,
  readDeviceBatch,
  readDeviceBatchReply,
  type BatchSample,
  type BatchTwin,
  type DeviceBatch,
  type DeviceEntry,
} from "../../src/wire/index.ts";

const entry = (over: object = {}): object => ({
  ...{ device: "ns/d", uid: "u", state: { state: "ok" }, twins: [["t", "int", ["1", 5], null]] },
  ...over,
});
const read = (over: object): unknown => readDeviceBatch({ sentMs: 1, devices: [entry(over)] })?.devices[0];
const long = (chars: number): string => "x".repeat(chars);

describe("a batch of device reports", () => {
  it("has a resource of its own, which names no device", () => {
    expect(parseResource(DEVICE_BATCH_RESOURCE)).toEqual({
      namespace: "",
      type: DEVICE_BATCH_RESOURCE,
      name: "",
    });
  });

  const text = fc.string({ maxLength: 40, unit: "binary" });
  const time = fc.integer({ min: 0, max: 2 ** 50 });
  const sample = fc.tuple(text, time) as fc.Arbitrary<BatchSample>;
  const twin = fc
    .tuple(fc.string({ minLength: 1, maxLength: 20 }), text, fc.option(sample), fc.option(sample))
    .filter(([, , reported, observed]) => reported !== null || observed !== null) as fc.Arbitrary<BatchTwin>;
  const state = fc.record(
    {
      state: fc.constantFrom("online", "offline", "ok", "unknown", "unhealthy"),
      lastOnlineTime: fc.constantFrom("2026-01-01T00:00:00Z", "2026-12-31T23:59:59.5+01:00"),
      reason: fc.constantFrom("Reported", "MapperHung"),
      message: text,
      mapper: text,
    },
    { requiredKeys: ["state"] },
  );
  const device = fc.record(
    {
      device: fc.constantFrom("default/d1", "ns.x/Sensor_2"),
      uid: fc.uuid(),
      state,
      twins: fc.array(twin, { minLength: 1, maxLength: 5 }),
    },
    { requiredKeys: ["device", "uid", "state"] },
  ) as fc.Arbitrary<DeviceEntry>;

  it("is read as it was written, through the wire and back", () => {
    const batches = fc.record({
      sentMs: fc.integer({ min: 1 }),
      devices: fc.array(device, { minLength: 1, maxLength: 9 }),
    });
    fc.assert(
      fc.property(batches, (batch: DeviceBatch) => {
        const frame = newFrame({
          source: "twin",
          group: "resource",
          resource: DEVICE_BATCH_RESOURCE,
          operation: "update",
          content: batch,
        });
        expect(readDeviceBatch(decodeFrame(encodeFrame(frame)).content)).toEqual(
          JSON.parse(JSON.stringify(batch)),
        );
      }),
    );
  });

  it("S16 survives every kind of JSON, and keeps one result for each device", () => {
    const likely = fc.record({ sentMs: fc.jsonValue(), devices: fc.array(fc.oneof(fc.jsonValue(), device)) });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), likely), (content) => {
        const batch = readDeviceBatch(content);
        if (batch !== undefined)
          expect(batch.devices).toHaveLength((content as { devices: unknown[] }).devices.length);
      }),
    );
  });

  it.each([
    ["a name that climbs", { device: "ns/.." }],
    ["a name with three parts", { device: "ns/d/twin" }],
    ["a name of one part", { device: "d" }],
    ["a name that is too long", { device: `ns/${long(DEVICE_BATCH_LIMITS.nameChars + 1)}` }],
    ["no uid", { uid: "" }],
    ["a uid that is too long", { uid: long(DEVICE_BATCH_LIMITS.uidChars + 1) }],
    ["nothing to tell", { state: undefined, twins: undefined }],
    ["no values in its values", { twins: [] }],
    [
      "too many values",
      { twins: Array.from({ length: DEVICE_BATCH_LIMITS.twins + 1 }, () => ["t", "", ["", 0], null]) },
    ],
    ["a value of neither side", { twins: [["t", "int", null, null]] }],
    ["a value that is no text", { twins: [["t", "int", [1, 5], null]] }],
    [
      "a value that is too long",
      { twins: [["t", "int", [long(DEVICE_BATCH_LIMITS.valueChars + 1), 5], null]] },
    ],
    ["a time below zero", { twins: [["t", "int", ["1", -1], null]] }],
    ["a time that is no whole number", { twins: [["t", "int", ["1", 0.5], null]] }],
    ["a property without a name", { twins: [["", "int", ["1", 5], null]] }],
    ["another word for its state", { state: { state: "happy" } }],
    ["a reason that is no word", { state: { state: "ok", reason: "because of" } }],
    [
      "a message that is too long",
      { state: { state: "ok", message: long(DEVICE_BATCH_LIMITS.messageChars + 1) } },
    ],
    ["a day that is none", { state: { state: "ok", lastOnlineTime: "2026-13-45T00:00:00Z" } }],
  ])("refuses a device with %s, and no other device", (_what, over) => {
    expect(read(over)).toEqual({ bad: expect.any(String) as unknown });
    const both = readDeviceBatch({ sentMs: 1, devices: [entry(over), entry()] })?.devices ?? [];
    expect(both.map((one) => "bad" in one)).toEqual([true, false]);
  });

  it("leaves out what else is written beside a state: nothing bounds it, and nobody reads it", () => {
    const state = { state: "ok", message: "m", more: long(100_000) };
    expect(read({ state })).toEqual(entry({ state: { state: "ok", message: "m" } }));
  });

  it.each([
    ["none", []],
    ["too many", Array.from({ length: DEVICE_BATCH_LIMITS.devices + 1 }, () => entry())],
  ])("is no batch with %s devices", (_what, devices) => {
    expect(readDeviceBatch({ sentMs: 1, devices })).toBeUndefined();
  });
});

describe("an answer to a batch", () => {
  const results = fc.array(
    fc.oneof(
      fc.tuple(fc.constantFrom(...BATCH_CODES)),
      fc.tuple(fc.constantFrom(...BATCH_CODES), fc.string()),
    ),
    { maxLength: 9 },
  );
  it("is read as it was written", () => {
    fc.assert(
      fc.property(results, (all) => {
        expect(readDeviceBatchReply({ results: all }, all.length)).toEqual({ results: all });
        expect(readDeviceBatchReply({ results: all }, all.length + 1)).toBeUndefined();
      }),
    );
  });

  it.each([
    [null],
    [{}],
    [{ results: "OK" }],
    [{ results: ["OK"] }],
    [{ results: [["FINE"]] }],
    [{ results: [["OK", 1]] }],
  ])("is none as %j", (content) => {
    expect(readDeviceBatchReply(content, 1)).toBeUndefined();
  });
});
